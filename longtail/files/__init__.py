"""Files and folders that commands take and leave."""
