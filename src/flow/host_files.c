// SPDX-License-Identifier: Apache-2.0
#include "flow/host_files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/network.h"

#define HOSTS_BYTES ((size_t)16 << 20)

#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

void host_files_add_kernel(struct box *box, uint64_t shm_bytes)
{
	box_mounts_add(&box->mounts, BOX_MOUNT_PROC, "/proc");
	box_mounts_add(&box->mounts, BOX_MOUNT_SYS, "/sys");
	box_mounts_add(&box->mounts, BOX_MOUNT_DEV, "/dev")->size_bytes = shm_bytes;
}

static void add_file(struct box *box, const char *target, const char *content)
{
	box_mounts_add_file(&box->mounts, target, arena_copy(&box->arena, content),
			    strlen(content));
}

static void add_host_file(struct box *box, const char *path)
{
	struct box_mount *mount;

	if (access(path, R_OK) < 0)
		return;
	mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, path);
	mount->source = path;
	mount->read_only = true;
}

bool host_name_is_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_.";

	return *name && !name[strspn(name, allowed)] && strlen(name) <= HOST_NAME_BYTES_MAX;
}

int host_files_parse_host(const char *text, struct strings *hosts, struct err *err)
{
	size_t length = strcspn(text, ":=");
	const char *address = text[length] ? text + length + 1 : "";
	auto_buf plain = { 0 };
	struct in6_addr parsed;

	if (*address == '[' && text_ends(address, "]"))
		buf_add(&plain, address + 1, strlen(address) - 2);
	else
		buf_add_text(&plain, strcmp(address, "host-gateway") == 0 ? "127.0.0.1" : address);
	if (length == 0 || strcspn(text, " \t\n#") < length ||
	    (inet_pton(AF_INET, buf_text(&plain), &parsed) != 1 &&
	     inet_pton(AF_INET6, buf_text(&plain), &parsed) != 1))
		return fail_plain(err, EINVAL, "'%s' is not NAME:ADDRESS", text);
	strings_printf(hosts, "%s\t%.*s", plain.bytes, (int)length, text);
	return 0;
}

/* The host's own lines, with more of them. */
static void add_hosts(struct box *box, const struct strings *hosts)
{
	auto_buf text = { 0 };

	if (box->private_ns.network) {
		buf_add_text(&text, LOCALHOST);
		if (box->hostname)
			buf_printf(&text, "127.0.1.1\t%s\n", box->hostname);
	} else if (io_read_file_at(AT_FDCWD, "/etc/hosts", HOSTS_BYTES, &text, NULL) < 0) {
		buf_truncate(&text, 0);
	}
	if (text.size_bytes && text.bytes[text.size_bytes - 1] != '\n')
		buf_add_char(&text, '\n');
	strings_each(hosts, line)
		buf_printf(&text, "%s\n", line);
	add_file(box, "/etc/hosts", buf_text(&text));
}

void host_files_add_name_server(struct box *box)
{
	auto_buf host = { 0 };
	auto_buf text = { 0 };
	char *rest;
	char *line;

	buf_printf(&text, "nameserver %s\n", network_nameserver(box->network_program));
	(void)!io_read_file_at(AT_FDCWD, "/etc/resolv.conf", HOSTS_BYTES, &host, NULL);
	rest = host.bytes;
	while ((line = strsep(&rest, "\n")))
		if (*line && !text_starts(line, "nameserver"))
			buf_printf(&text, "%s\n", line);
	add_file(box, "/etc/resolv.conf", buf_text(&text));
}

void host_files_add_network(struct box *box, const struct strings *hosts)
{
	static const struct strings none = { 0 };

	if (box->network_program)
		host_files_add_name_server(box);
	else if (!box->private_ns.network)
		add_host_file(box, "/etc/resolv.conf");
	if (box->private_ns.network || (hosts && hosts->count))
		add_hosts(box, hosts ? hosts : &none);
	else
		add_host_file(box, "/etc/hosts");
}

/* Text with a line added, keeping what is there; a missing final newline is mended. */
static const char *with_line(struct box *box, const char *text, const char *line)
{
	size_t length = strlen(text);
	bool ends = length == 0 || text[length - 1] == '\n';

	return arena_printf(&box->arena, "%s%s%s", text, ends ? "" : "\n", line);
}

void host_files_add_user(struct box *box, const struct user *user, const char *passwd,
			 const char *group)
{
	struct user found;
	const char *name;
	const char *line;

	if (!ids_user_by_id(passwd, user->uid, &box->arena, &found)) {
		line = arena_printf(&box->arena, "%s:x:%u:%u::%s:%s\n", user->name, user->uid,
				    user->gid, user->home, user->shell);
		add_file(box, "/etc/passwd", with_line(box, passwd, line));
	}
	if (!ids_group_by_id(group, user->gid, &box->arena, &name)) {
		line = arena_printf(&box->arena, "%s:x:%u:\n", user->name, user->gid);
		add_file(box, "/etc/group", with_line(box, group, line));
	}
}
