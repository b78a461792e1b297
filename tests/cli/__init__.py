"""The programs as somebody starts them: by pipe, by script, and in real terminals."""
