"""What happened to a message, in sentences that one can read out to the person who asks.

`statuses` knows what enhanced status codes mean, `steps` has a sentence for every event of the trace, `checks` one for
each thing that a check found out, and `outcome` sums a story up. A test walks every event that the service writes, and
fails for one without a sentence.
"""
