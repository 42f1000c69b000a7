"""What supervisors do in live calls, as the API's endpoints. The desk's page uses them, too."""
