"""What checks found without refusing, in words: by the name of the check and the value that it wrote down."""

from __future__ import annotations

CHECKS: dict[tuple[str, str], str] = {
    ("reverse dns", "pass"): "The name of the client leads back to its address.",
    ("reverse dns", "fail"): "The name of the client does not lead back to its address.",
    ("reverse dns", "permerror"): "The client's address has no name.",
    ("reverse dns", "temperror"): "The client's name could not be looked up.",
    ("dns white lists", "listed"): "A DNS white list vouches for the client.",
    ("dns white lists", "clear"): "No DNS white list knows the client.",
    ("dns black lists", "listed"): "A DNS black list has the client, but weighs too little to refuse it.",
    ("dns black lists", "clear"): "No DNS black list has the client.",
    ("dns black lists", "unknown"): "Not every DNS black list answered; none of the others has the client.",
    ("greylist", "known"): "The sender has written here before.",
    ("greylist", "new"): "The sender had not written here before.",
}
