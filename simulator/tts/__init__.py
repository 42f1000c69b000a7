"""What the simulated voices share: utterances in chunks, delays, and how they suffer a fault."""
