#!/bin/bash
# Runs the portable folder in a bare Debian without Python, and compares what it makes with an installed osdclean.
#
#   build/try_portable.sh [FOLDER [INSTALLED [CLIP]]]
#
# FOLDER     what `make portable` made (dist/osdclean)
# INSTALLED  the command to compare with (.venv-portable/bin/osdclean); vspipe is beside it
# CLIP       a video with telemetry in it; the demo's own where there is none
#
# As root, with debootstrap and ffmpeg; Debian is fetched from where this machine's apt fetches it. Ends with an error
# where anything differs.
set -euo pipefail

folder=$(realpath "${1:-dist/osdclean}")
installed=$(realpath -s "${2:-.venv-portable/bin/osdclean}")
clip=${3:-}
[ "$(id -u)" = 0 ] || { echo "try_portable.sh: run it as root: it makes a root file system" >&2; exit 1; }
for program in debootstrap ffmpeg; do
	command -v "$program" >/dev/null || { echo "try_portable.sh: $program is missing: apt install $program" >&2; exit 1; }
done

work=$(mktemp -d)
root=$work/root
tidy() {
	umount "$root/proc" "$root/sys" 2>/dev/null || true
	rm -rf --one-file-system "$work"
}
trap tidy EXIT

. /etc/os-release
mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' | awk -v c="$VERSION_CODENAME" '$2 == c { print $1; exit }')
# ffmpeg and x265 are programs that the folder expects on the machine
debootstrap --variant=minbase --include=ffmpeg,x265 "$VERSION_CODENAME" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 || {
	tail -n 5 "$work/debootstrap.log" >&2
	exit 1
}
mount -t proc proc "$root/proc"
# x265 asks there for the processors, and its output depends on their number
mount -t sysfs -o ro sysfs "$root/sys"
echo "bare root: $PRETTY_NAME, $(du -smx "$root" | cut -f 1) MB, $(chroot "$root" dpkg-query -W | wc -l) packages"
python=$(find "$root" -xdev \( -name 'python*' -o -name 'libpython*' \) -type f -perm -u+x -o -xdev -name 'site.py*' | head)
[ -z "$python" ] || { echo "there is a Python in it: $python" >&2; exit 1; }
echo "no Python in it"

cp -a "$folder" "$root/opt/osdclean"
chown -R root:root "$root/opt/osdclean"
home=/home/pilot
install -d -o 1000 -g 1000 "$root$home"
# a person who may write nothing but their home
inside() { chroot --userspec=1000:1000 "$root" /usr/bin/env -i HOME=$home PATH=/usr/bin:/bin LANG=C.UTF-8 sh -c "cd $home && $1"; }
shown() { printf '\n$ %s\n' "$1"; inside "$1 2>&1"; }
# what the installed command does, in the same words
outside() { (cd "$work/outside" && PATH=$(dirname "$installed"):$PATH sh -c "$1" >/dev/null); }
install -d "$work/outside"
seconds() {
	local begun=$EPOCHREALTIME
	inside "$1 >/dev/null"
	awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}
hashes() { ffmpeg -v error -i "$1" -map 0:v -fps_mode passthrough -f framemd5 - | grep -v '^#software'; }
alike() {
	local one two
	one=$(hashes "$1") two=$(hashes "$2")
	if [ "$one" = "$two" ]; then
		echo "$3: $(grep -vc '^#' <<< "$one") frames, hashes equal to the installed one's"
	else
		echo "$3: DIFFERS from the installed one's, in $(diff <(echo "$one") <(echo "$two") | grep -c '^<') lines of hashes"
		result=1
	fi
}
result=0

command=/opt/osdclean/osdclean
echo
for asked in --help --version; do
	echo "osdclean $asked: $(seconds "$command $asked") s the first time, $(seconds "$command $asked") s then"
done
shown "$command --version"
shown "/opt/osdclean/vspipe --version"

shown "$command demo --frames 48"
outside "osdclean demo --frames 48"
alike "$root$home/demo/telemetry.mkv" "$work/outside/demo/telemetry.mkv" "the demo's scene"
alike "$root$home/demo/clean.mkv" "$work/outside/demo/clean.mkv" "the demo's result"

cp "${clip:-$work/outside/demo/telemetry.mkv}" "$root$home/clip.video"
cp "$root$home/clip.video" "$work/outside/clip.video"
shown "$command clean clip.video clean.mkv --encoder ffv1"
outside "osdclean clean clip.video clean.mkv --encoder ffv1"
alike "$root$home/clean.mkv" "$work/outside/clean.mkv" "clean"

# a script of one's own, which uses the standard library and ours
cat >"$root$home/own.vpy" <<'END'
import statistics

import vapoursynth as vs
from osdclean.vs_scripts.reading import read_clip

source = read_clip("clip.video")
found = vs.core.osdclean.Detect(source, kind="osd")
vs.core.log_message(vs.MESSAGE_TYPE_INFORMATION, f"{statistics.mean((1, 2))} {vs.core.osdclean.Version()}")
vs.core.osdclean.Inpaint(source, found)[: min(24, source.num_frames)].set_output()
END
cp "$root$home/own.vpy" "$work/outside/"
scripts=/opt/osdclean/lib/osdclean/vs_scripts
shown "/opt/osdclean/vspipe -c y4m own.vpy own.y4m"
outside "vspipe -c y4m own.vpy own.y4m"
alike "$root$home/own.y4m" "$work/outside/own.y4m" "a script through vspipe"
# vspipe goes to the script's folder, so the clip is named in full
shown "/opt/osdclean/vspipe -c y4m -e 23 -a clip=$home/clip.video $scripts/mask.vpy script.y4m"
cp -r "$folder/lib/osdclean/vs_scripts" "$work/outside/"
outside "vspipe -c y4m -e 23 -a clip=$work/outside/clip.video vs_scripts/mask.vpy script.y4m"
alike "$root$home/script.y4m" "$work/outside/script.y4m" "a script of the folder through vspipe"

printf '\n'
left=$(inside "$command finetune clip.video -o own.safetensors 2>&1" || true)
echo "what is left out says so: $left"
grep -q 'install osdclean with pip' <<< "$left"
echo
echo "folder: $(du -sm "$folder" | cut -f 1) MB"
exit $result
