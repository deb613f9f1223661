"""Audio signals as arrays: reading, resampling, mixing with noise, STFT and measurements."""
