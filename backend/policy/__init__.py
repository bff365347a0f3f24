"""Who may send. Every check is a file; `chain` says which are asked at which stage."""
