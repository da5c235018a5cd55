"""What this computer offers to the machines while a job runs."""
