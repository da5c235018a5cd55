#!/bin/sh
# Started in mount and process namespaces of its own: shows the tree what its programs need and becomes
# the child's session. All of it is gone with this process.
#   $1 root of the image (read only)   $2 folder for what is written   $3 display   $4 locale
set -eu
lower=$1 work=$2 display=$3 locale=$4
root=$work/root
mkdir -p "$work/upper" "$work/work" "$root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mkdir -p "$root/tmp/.X11-unix"
mount --bind /tmp/.X11-unix "$root/tmp/.X11-unix"
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
home=$root/home/pupil
mkdir -p "$root/run/user/1000"
[ -d "$home/Desktop" ] || { mkdir -p "$home"; cp -aT "$root/etc/skel" "$home"; }
chroot "$root" chown -R pupil:pupil /home/pupil /run/user/1000
chmod 700 "$root/run/user/1000"
rm "$home/.Xauthority" 2> /dev/null || true
# By this whoever looks in knows that / is the tree, and not still the computer's own.
touch "$root/run/netspring-tree"
# Not by chroot: a browser's sandbox makes namespaces, which the kernel refuses in one.
cd "$root"
pivot_root . mnt
umount -l /mnt
exec runuser -u pupil -- env -i \
  HOME=/home/pupil USER=pupil LOGNAME=pupil PATH=/usr/local/bin:/usr/bin:/bin:/usr/games DISPLAY="$display" \
  LANG="$locale.UTF-8" XDG_RUNTIME_DIR=/run/user/1000 XDG_CURRENT_DESKTOP=LXQt XDG_CONFIG_DIRS=/etc/xdg \
  XMODIFIERS=@im=fcitx GTK_IM_MODULE=fcitx QT_IM_MODULE=fcitx SDL_IM_MODULE=fcitx \
  dbus-run-session -- sh -c '
    (unset DISPLAY; pipewire & sleep 0.5; wireplumber & pipewire-pulse &)
    exec lxqt-session'
