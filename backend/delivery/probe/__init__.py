"""The probe: EICAR and GTUBE through the running service, in both directions, once a day and on demand."""
