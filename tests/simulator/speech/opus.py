"""A trip through Opus as LiveKit makes it: 48 kHz mono in packets of 20 ms."""

import av
import numpy as np
import soxr

from simulator.speech.pcm import SAMPLE_RATE, Samples

OPUS_RATE = 48_000
PACKET = OPUS_RATE // 50


def through_opus(speech: Samples, bits_per_second: int) -> Samples:
    """Return 16-bit mono PCM at 16 kHz as it sounds after encoding and decoding."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = OPUS_RATE, "mono", av.AudioFormat("s16")
    encoder.bit_rate, encoder.options = bits_per_second, {"application": "voip", "frame_duration": "20"}
    encoder.open()
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout, decoder.extradata = OPUS_RATE, "mono", encoder.extradata
    wide = soxr.resample(speech, SAMPLE_RATE, OPUS_RATE)
    heard = []
    for start in range(0, len(wide) - PACKET + 1, PACKET):
        frame = av.AudioFrame.from_ndarray(wide[start : start + PACKET].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = OPUS_RATE, start
        heard += [
            decoded.to_ndarray().reshape(-1) for packet in encoder.encode(frame) for decoded in decoder.decode(packet)
        ]
    joined = np.concatenate(heard)
    if joined.dtype != np.int16:
        joined = (np.clip(joined, -1, 1) * 32767).astype(np.int16)
    narrow: Samples = soxr.resample(joined, OPUS_RATE, SAMPLE_RATE)
    return narrow
