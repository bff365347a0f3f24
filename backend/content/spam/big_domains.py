"""Domains that no black list of hosts is asked about: nearly every mail links to one of them, and no list has them."""

from __future__ import annotations

BIG = frozenset(
    """
    adobe.com amazon.co.uk amazon.com amazon.de amazon.es amazon.fr amazon.it android.com apache.org apple.com
    arxiv.org bbc.co.uk bbc.com bing.com booking.com cern.ch cisco.com cnn.com creativecommons.org csic.es
    debian.org dell.com doi.org dropbox.com ebay.com elsevier.com esa.int eso.org europa.eu facebook.com
    fbcdn.net fedex.com flickr.com gettyimages.com ggpht.com github.com githubassets.com githubusercontent.com
    gitlab.com gmail.com gnu.org google.co.uk google.com google.de google.es google.fr google.it googleapis.com
    googleusercontent.com gravatar.com gstatic.com harvard.edu hotmail.com hp.com ibm.com icloud.com ieee.org
    ietf.org imdb.com instagram.com intel.com jstor.org kernel.org launchpad.net lemonde.fr licdn.com
    linkedin.com linux.org live.com mail.ru microsoft.com microsoftonline.com mit.edu mozilla.com mozilla.org
    mpg.de msn.com mysql.com nasa.gov nature.com netflix.com nih.gov noaa.gov nokia.com nvidia.com nytimes.com
    office.com office.net office365.com openssl.org openstreetmap.org oracle.com orange.fr orcid.org outlook.com
    overleaf.com oxfordjournals.org paypal.com paypalobjects.com perl.org php.net pinterest.com postgresql.org
    pypi.org python.org readthedocs.io reddit.com redhat.com rediris.es researchgate.net samsung.com sap.com
    sciencedirect.com siemens.com skype.com slack.com sourceforge.net spiegel.de spotify.com springer.com
    stackoverflow.com stanford.edu sun.com theguardian.com tripadvisor.com twimg.com twitter.com ubuntu.com
    un.org ups.com usps.com vimeo.com visa.com w3.org web.de webex.com whatsapp.com who.int wikimedia.org
    wikipedia.org wiley.com windows.com wordpress.org x.com yahoo.com yimg.com youtu.be youtube.com ytimg.com
    zeit.de zoom.us
    """.split()  # noqa: SIM905  one a line would be a file for itself
)
