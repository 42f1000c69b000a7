"""What must hold after the chaos soak, whatever was broken."""
