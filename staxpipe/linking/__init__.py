"""From a link request to an active link: template, probe and verdicts, sweeps. Safe before convenient."""
