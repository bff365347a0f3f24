"""mailconsole.toml: every shipped key loads, every mistake is one sentence with its line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import list_presets
from backend.config import AntivirusEngine, Code, ListZone, Settings, SpamScorer
from backend.errors import BadInput
from backend.settings_file import differences, load, sources, values
from backend.site import shipped

SHIPPED = shipped("mailconsole.toml").read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mailconsole.toml"


def defaults(folder: Path) -> dict[str, object]:
    """The defaults, with paths joined to the folder as they are in a file there."""
    return {key: folder / value if isinstance(value, Path) else value for key, value in values(Settings())}


def test_the_shipped_file_says_the_defaults(file: Path) -> None:
    file.write_text(SHIPPED)
    assert dict(values(load(file))) == defaults(file.parent)


def test_an_empty_file_means_the_defaults(file: Path) -> None:
    file.write_text("")
    assert dict(values(load(file))) == defaults(file.parent)


def test_every_key_is_in_the_shipped_file_with_a_comment() -> None:
    section, found = "", set()
    for line in SHIPPED.splitlines():
        if head := re.fullmatch(r"\[(\w+)\]", line):
            section = head[1]
        elif key := re.match(r"(?:# )?(\w+) = .*  # .", line):
            found.add(f"{section}.{key[1]}")
    tables = ("relay.route", "dnslists.zone", "outbound.domain", "antivirus.engine", "spam.scorer")
    assert found >= {key for key, _ in values(Settings()) if key not in tables}
    assert "# [[relay.route]]" in SHIPPED
    assert "# [[dnslists.zone.code]]" in SHIPPED
    explained = set(re.findall(r"(?m)^(?:# )?(\w+) = .*  # .", SHIPPED))
    assert explained >= {item.name for kind in (ListZone, Code) for item in fields(kind) if item.name != "code"}
    assert "# [[antivirus.engine]]" in SHIPPED
    assert {f"antivirus.{item.name}" for item in fields(AntivirusEngine)} <= found
    assert "# [[spam.scorer]]" in SHIPPED
    assert {f"spam.{item.name}" for item in fields(SpamScorer)} <= found


def test_every_preset_is_named_and_right() -> None:
    for name in list_presets.PRESETS:
        assert list_presets.trouble(ListZone(name)) == ""
        assert name in SHIPPED


def test_every_key_that_is_commented_out_works(file: Path) -> None:
    text = re.sub(r"(?m)^# (\w+ = |\[\[)", r"\1", SHIPPED)
    file.write_text(text)
    settings = load(file)
    assert str(settings.relay.smarthost) == "smtp.example.net:587"
    assert [(route.domain, str(route.to)) for route in settings.relay.route] == [("remote.test", "192.0.2.1:25")]
    assert [zone.zone for zone in settings.dnslists.zone if zone.code] == ["dnsbl.example.net"]
    assert settings.relay.smarthost_password_file == file.parent / "smarthost.password"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[limits]\nrecipiens = 5", r'line 2: \[limits\] has no key "recipiens"; did you mean "recipients"\?'),
        ("\n[limit]\n", r"line 2: there is no section \[limit\]; did you mean \"limits\"\?"),
        ("[relay]\nrecipients = 5", r'line 2: \[relay\] has no key "recipients"; it belongs to \[limits\]'),
        ('[limits]\nrecipients = "5"', r"line 2: \[limits\] recipients is a whole number, not '5'"),
        ("[limits]\nrecipients = true", r"line 2: \[limits\] recipients is a whole number, not True"),
        ("[limits]\nrecipients = 1.5", r"line 2: .* whole number"),
        ("[limits]\nrecipients = -1", r"line 2: .* cannot be -1"),
        ("[delivery]\nlease = 0", r"line 2: .* cannot be 0"),
        ("[dkim]\nsignatures = 0", r"line 2: .* cannot be 0"),
        ('[dkim]\nfailed = "bounce"', r"line 2: .*'bounce' is not one of mark, reject"),
        ('[arc]\ntrusted = ["a b"]', r"line 2: .*'a b' is not a domain name"),
        ('[arc]\ntrusted = "lists.test"', r"line 2: \[arc\] trusted is a list"),
        ("[dns]\ntimeout_seconds = nan", r"line 2: .* cannot be nan"),
        ("[listen]\n\nsmtp = 65536", r"line 3: \[listen\] smtp is a port"),
        ('[listen]\naddresses = "::"', r"line 2: \[listen\] addresses is a list"),
        ('[listen]\naddresses = ["mail"]', r"line 2: \[listen\] addresses: 'mail' does not appear"),
        ("[site]\nhostname = 5", r"line 2: \[site\] hostname is a text in quotes"),
        ('[site]\nhostname = "a b"', r"line 2: .*'a b' is not a domain name"),
        ('[relay]\nnetworks = ["10.0.0.1/8"]', r"line 2: .* bits behind the mask; write '10.0.0.0/8'"),
        ('[relay]\nnetworks = ["lan"]', r"line 2: .*'lan' is not a network"),
        ('[relay]\nsmarthost = "smtp.test"', r'line 2: .* has no port; write "smtp.test:25"'),
        ('[relay]\nsmarthost = "smtp.test:0"', r"line 2: .* 0 is not a port"),
        ('[relay]\nsmarthost_tls = "no"', r"line 2: .*'no' is not one of may, must, wrapped"),
        ('[[relay.route]]\ndomain = "a.test"', r'line 1: \[\[relay.route\]\] needs "to"'),
        ("[relay]\nroute = [1]", r"line 2: \[relay\] route is a table"),
        ('[dmarc]\nreport_address = "me"', r"line 2: \[dmarc\] report_address: 'me' is not a mail address"),
        ('[dmarc]\nexceptions = ["a b"]', r"line 2: \[dmarc\] exceptions: 'a b' is not a domain name"),
        ("[delivery]\nretry_first = 20000", r"line 2: retry_first is longer than retry_max"),
        ("[spam]\nurl_hosts = 101", r"line 2: \[spam\] url_hosts is 100 at the most"),
        ('[[spam.scorer]]\nname = "a b"', r"line 2: .*'a b' is not a name of letters and digits"),
        ('[[spam.scorer]]\nname = "a"\nkind = "bogofilter"', r"line 3: .* is not one of rspamd, spamassassin"),
        ('[[spam.scorer]]\nname = "a"\nkind = "rspamd"', r'line 1: \[\[spam.scorer\]\] needs "address"'),
        (2 * '[[spam.scorer]]\nname = "a"\nkind = "rspamd"\naddress = "/r"\n', r"line 2: two scorers have the same"),
        ('[[dnslists.zone]]\nzone = "a.test"\nkind = "white"\nabout = ["url"]', r"line \d: a.test is white: .*"),
        ("site = 5", r"line 1: site is a section"),
        ("[site\n", r"line 1: this is not TOML"),
        ('[site]\na = "x\nb = 1', r"line 2: this is not TOML"),
        ("x = " + "[" * 5_000, r"line 1: this is not TOML"),
    ],
)
def test_mistakes(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    with pytest.raises(BadInput, match=rf"^mailconsole\.toml {sentence}") as raised:
        load(file)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


def test_no_file_and_no_text(file: Path) -> None:
    with pytest.raises(BadInput, match="init"):
        load(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        load(file)


def test_a_password_that_others_can_read(file: Path) -> None:
    secret = file.parent / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    file.write_text('[relay]\nsmarthost_password_file = "secret"')
    with pytest.raises(BadInput, match=r"line 2: others can read .*chmod 600"):
        load(file)
    secret.chmod(0o600)
    assert load(file).relay.smarthost_password_file == secret


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[outbound]\nca_file = "nothing.pem"', "line 2: there is no file"),
        ('[outbound]\nca_file = "any.pem"', "line 2: The authorities in .* cannot be read"),
        ('[[outbound.domain]]\ndomain = "x.test"\ntls = "dane"', r"line 3: .* needs name servers that validate"),
        ('[[outbound.domain]]\ndomain = "x.test"\ntls = "perhaps"', "line 3: .* not one of none, may, must, dane"),
        ('[[outbound.domain]]\ndomain = "x.test"', 'needs "tls"'),
        ('[outbound]\nown_hosts = ["*.a.test", "a b"]', "line 2: .* not a domain name"),
        ('[outbound]\nown_mode = "on"', "line 2: .* not one of enforce, testing, none"),
        ("[outbound]\npolicy_seconds = 0", "line 2: .* cannot be 0"),
    ],
)
def test_wrong_words_about_connections_out(file: Path, text: str, said: str) -> None:
    (file.parent / "any.pem").write_text("no certificate")
    file.write_text(text)
    with pytest.raises(BadInput, match=said):
        load(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[probe]\nhour = 24", "line 2: .* is 23 at the most"),
        ('[probe]\nrecipient = "me"', "line 2: .*'me' is not a mail address"),
        ('[alerts]\nwebhook = "alerts.test"', "line 2: .* no web address"),
        ('[alerts]\nwebhook = "ftp://alerts.test/"', "line 2: .* no web address"),
        ('[alerts]\nwebhook = "https://a b/"', "line 2: .* no web address"),
        ('[alerts]\nwebhook = "https://[::1/"', "line 2: .* no web address"),
        ('[alerts]\nwebhook = "https://a.test:99999/"', "line 2: .* no web address"),
        ('[alerts]\nwebhook = "https://u:p@a.test/"', "line 2: .* name and a password"),
        ('[alerts]\nwebhook = "http://127.0.0.1/"', "line 2: only https:// is safe"),
        ("[alerts]\nseconds = 61.0", "line 2: .* is 60 at the most"),
        ("[alerts]\ngive_up_hours = 0", "line 2: .* cannot be 0"),
        ('[alerts]\nca_file = "nothing.pem"', "line 2: there is no file"),
        ('[alerts]\nsecret_file = "any.pem"', "line 2: others can read .*chmod 600"),
    ],
)
def test_wrong_words_about_the_probe_and_alerts(file: Path, text: str, said: str) -> None:
    (file.parent / "any.pem").write_text("no certificate")
    (file.parent / "any.pem").chmod(0o644)
    file.write_text(text)
    with pytest.raises(BadInput, match=said):
        load(file)


def test_exceptions_for_domains(file: Path) -> None:
    file.write_text('[dns]\nvalidating = true\n[[outbound.domain]]\ndomain = ".X.Test"\ntls = "dane"')
    [exception] = load(file).outbound.domain
    assert (exception.domain, exception.tls) == (".x.test", "dane")


def test_differences_and_sources(file: Path) -> None:
    file.write_text("[limits]\nrecipients = 100")
    old = load(file)
    file.write_text("[limits]\n\nrecipients = 99\n")
    assert differences(old, load(file)) == [("limits.recipients", 100, 99)]
    assert sources(file) == {"limits.recipients": 3}


@given(
    st.lists(
        st.sampled_from(
            ["[limits]\n", "[[relay.route]]\n", "recipients", "relay", ".", " = ", "5", '"x"', "\n", "[", "]"]
        )
    ).map("".join)
    | st.text()
)
def test_any_text_is_settings_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text, encoding="utf-8", errors="ignore")
    try:
        load(file)
        said = ""
    except BadInput as error:
        said = str(error)
    if said:
        assert re.match(r"any\.toml line \d+: .*\.$", said)
    else:
        tomllib.loads(file.read_text("utf-8"))
