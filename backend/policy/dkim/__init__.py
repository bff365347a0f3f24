"""DomainKeys Identified Mail (RFC 6376, RFC 8301, RFC 8463): verified on the way in, signed on the way out."""
