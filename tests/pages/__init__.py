"""The pages, as people see and use them: in Chromium, served by the product's own web process."""
