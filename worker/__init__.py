"""What is done beside the requests: the loop, and the jobs that it runs."""
