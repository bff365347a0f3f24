"""What should stand in the DNS for our domains (`wanted`), what does (`live`), and the text of a zone (`text`).

A part of the service that wants something published adds a provider to `wanted.PROVIDERS`: a function from `Own` to
`Wanted`s.
"""
