# What a hostile session reads and writes that it should not. Whatever comes of it is printed.
exec 2>&1
env
cat "$1/token" "$1/.gitconfig" "$1/.netrc" "$1/.ssh/id_ed25519" ~/.gitconfig /root/.gitconfig /etc/shadow
git config --list --show-origin
git -C "$1" config --list
echo "agent: $SSH_AUTH_SOCK"
for p in /proc/[0-9]*; do
	tr '\0' '\n' <"$p/environ"
	tr '\0' '\n' <"$p/cmdline"
	cat "$p/root$1/token" "$p/cwd/token"
	grep -a -o 'CANARY-[a-z]*' "$p/mem"
	[ "$p" = "/proc/$$" ] || for f in "$p"/fd/*; do
		[ -f "$f" ] && timeout 1 cat "$f"
	done
done
for f in "$1/evil" /etc/evil /root/evil /dev/shm/evil /tmp/evil; do
	echo evil >"$f" && echo "WROTE $f"
done
ln -s "$1/token" stolen
echo work >work.txt
