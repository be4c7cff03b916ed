#!/bin/sh
# Set up a system-wide sound server, as on a kiosk or a Pi without a desktop. The microphone records
# what is played to the sink "speaker"; nothing records the sink "music".
set -e
cat > /etc/pulse/system.pa <<END
load-module module-native-protocol-unix auth-group=pulse-access
load-module module-null-sink sink_name=speaker norewinds=1 rate=16000 channels=1
load-module module-null-sink sink_name=music norewinds=1 rate=16000 channels=1
set-default-sink speaker
set-default-source speaker.monitor
END
cat > /etc/asound.conf <<END
pcm.!default pulse
ctl.!default pulse
END
cat > /etc/systemd/system/pulseaudio.service <<END
[Service]
ExecStart=/usr/bin/pulseaudio --system --disallow-exit --exit-idle-time=-1 --disable-shm --use-pid-file=no
END
mkdir -p /etc/systemd/system/auricle.service.d
cat > /etc/systemd/system/auricle.service.d/sound.conf <<END
[Unit]
Wants=pulseaudio.service
After=pulseaudio.service
END
# PulseAudio checks /etc/group, not the groups of the connecting process.
usermod --append --groups pulse-access auricle
usermod --append --groups pulse-access root
systemctl daemon-reload
systemctl start pulseaudio
