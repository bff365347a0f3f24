"""The actions, a module for each thing they act on."""
