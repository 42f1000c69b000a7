"""What a page may use of the device it is shown on. https://www.w3.org/TR/permissions-policy/"""

# What no page uses, unless it says so.
DENIED = (
    *("accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid"),
    *("magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb"),
)


def permissions_policy(*allowed: str) -> str:
    """The header Permissions-Policy of a page that uses the `allowed` features itself, and embeds nobody."""
    return ", ".join(f"{feature}={'(self)' if feature in allowed else '()'}" for feature in DENIED)
