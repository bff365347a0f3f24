"""What people see: one screen a file, widgets in their own folder."""
