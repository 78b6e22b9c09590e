"""What an id is, the same for files, requests and exports."""
