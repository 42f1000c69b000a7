"""`scripts/scale.sh`: the call center on this machine, with as many workers as you say."""
