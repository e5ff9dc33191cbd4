"""Does `tau="auto"` train faster or better than the defaults? Four sets: an ECG, ICU stays, activity, traffic."""
