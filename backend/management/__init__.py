"""Management: what people may do to the service, who may do it, and the record of who did."""
