// SPDX-License-Identifier: Apache-2.0
/* Claims of a process that believes to be root: they hold for real root, too. */
#include "torture.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char self[4096];

static bool ids_are(uid_t real, uid_t effective, uid_t saved)
{
	uid_t r, e, s;

	must(getresuid(&r, &e, &s) == 0);
	return r == real && e == effective && s == saved && getuid() == real &&
	       geteuid() == effective;
}

static void we_are_root(void)
{
	gid_t r, e, s;

	must(ids_are(0, 0, 0));
	must(getresgid(&r, &e, &s) == 0);
	must(r == 0 && e == 0 && s == 0);
}

static void what_is_set_is_got_back(void)
{
	gid_t groups[] = { 5, 6, 70000 };
	gid_t said[10];

	must(setgroups(3, groups) == 0);
	must(getgroups(0, NULL) == 3);
	must(getgroups(10, said) == 3);
	must(memcmp(said, groups, sizeof(groups)) == 0);
	must_fail(EINVAL, getgroups(2, said));
	must(setresgid(1, 2, 3) == 0);
	must(getgid() == 1 && getegid() == 2);
	must(setresuid(4, 5, 0) == 0);
	must(ids_are(4, 5, 0));
	must(seteuid(0) == 0);
	must(ids_are(4, 0, 0));
	must(setgroups(0, NULL) == 0);
	must(setuid(33) == 0);
	must(ids_are(33, 33, 33));
	must_fail(EPERM, setuid(0));
	must_fail(EPERM, seteuid(0));
	must_fail(EPERM, setgroups(0, NULL));
	must_fail(EPERM, setreuid(0, 0));
	must_fail(EINVAL, syscall(SYS_setuid, -1));
}

static void fs_ids_follow_and_are_asked_without_changing(void)
{
	must(setfsuid(7) == 0);
	must(setfsuid((uid_t)-1) == 7);
	must(setfsgid(8) == 0);
	must(setfsgid((gid_t)-1) == 8);
	must(seteuid(0) == 0);
	must(setfsuid((uid_t)-1) == 0);
}

static void children_and_programs_inherit(void)
{
	char *look[] = { self, "look-33", NULL };

	must(setgroups(1, &(gid_t){ 44 }) == 0);
	must(setgid(34) == 0);
	must(setuid(33) == 0);
	must(in_child(must(ids_are(33, 33, 33)); must(getgid() == 34)) == 0);
	must(in_child(execv(self, look)) == 0);
}

static int look_33(void)
{
	gid_t group;

	must(ids_are(33, 33, 33));
	must(getgid() == 34 && getegid() == 34);
	must(getgroups(1, &group) == 1 && group == 44);
	must(getauxval(AT_UID) == 33 && getauxval(AT_EGID) == 34);
	must_fail(EPERM, setuid(0));
	return 0;
}

static void a_saved_id_does_not_outlive_exec(void)
{
	char *look[] = { self, "look-saved", NULL };

	must(in_child({
		     must(setresuid(33, 33, 0) == 0);
		     execv(self, look);
	     }) == 0);
}

static void a_vfork_child_does_not_change_its_parent(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		if (syscall(SYS_setgid, 34) || syscall(SYS_setuid, 33) || syscall(SYS_getuid) != 33)
			_exit(1);
		execl(self, self, "look-vfork", (char *)NULL);
		_exit(2);
	}
	must(wait_for(pid) == 0);
	must(ids_are(0, 0, 0));
	must(setuid(5) == 0);
	must(ids_are(5, 5, 5));
}

static pthread_barrier_t barrier;

static void *check_thread(void *unused)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	must(ids_are(33, 33, 33));
	return unused;
}

static void all_threads_change_together(void)
{
	pthread_t thread[4];

	must(pthread_barrier_init(&barrier, NULL, 5) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, check_thread, NULL) == 0);
	pthread_barrier_wait(&barrier);
	must(setgroups(0, NULL) == 0);
	must(setgid(34) == 0);
	must(setuid(33) == 0);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void read_caps(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

	must(syscall(SYS_capget, &header, data) == 0);
}

static void capabilities_are_kept_and_lost_by_the_rules(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	read_caps(data);
	must(data[0].effective & 1u << CAP_CHOWN);
	must(data[0].permitted & 1u << CAP_SETUID);
	must(prctl(PR_CAPBSET_READ, CAP_CHOWN) == 1);
	must(prctl(PR_SET_KEEPCAPS, 1) == 0);
	must(prctl(PR_GET_KEEPCAPS) == 1);
	must(setuid(33) == 0);
	read_caps(data);
	must(data[0].effective == 0);
	must(data[0].permitted & 1u << CAP_SETUID);
	data[0].effective = data[0].permitted = 1u << CAP_SETUID;
	data[1].effective = data[1].permitted = 0;
	must(syscall(SYS_capset, &header, data) == 0);
	must(setuid(0) == 0);
	must(prctl(PR_CAPBSET_DROP, CAP_CHOWN) == -1);
	header.version = 1;
	must_fail(EINVAL, syscall(SYS_capget, &header, data));
	must(header.version == _LINUX_CAPABILITY_VERSION_3);
}

static void a_set_user_id_program_gets_its_owners_id(void)
{
	char folder[] = "/tmp/torture-XXXXXX";
	char text[2 * sizeof(self) + 64];

	must(mkdtemp(folder));
	must(chmod(folder, 0755) == 0);
	must(chdir(folder) == 0);
	snprintf(text, sizeof(text), "cp %s suid && cp %s sgid", self, self);
	must(in_child(execl("/bin/sh", "sh", "-c", text, (char *)NULL)) == 0);
	must(chown("suid", 7, 8) == 0);
	must(chmod("suid", 04755) == 0);
	must(chown("sgid", 7, 8) == 0);
	must(chmod("sgid", 02755) == 0);
	must(in_child({
		     must(setgid(34) == 0 && setuid(33) == 0);
		     execl("./suid", "suid", "look-suid", (char *)NULL);
	     }) == 0);
	must(in_child({
		     must(setgid(34) == 0 && setuid(33) == 0);
		     execl("./sgid", "sgid", "look-sgid", (char *)NULL);
	     }) == 0);
	must(in_child({
		     must(setgid(34) == 0 && setuid(33) == 0);
		     must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		     execl("./suid", "suid", "look-plain", (char *)NULL);
	     }) == 0);
	must(unlink("suid") == 0 && unlink("sgid") == 0 && rmdir(folder) == 0);
}

/* What PostgreSQL's "peer" and D-Bus go by. */
static void the_other_side_of_a_socket_knows_who_we_are(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int connection;
	pid_t pid;

	snprintf(address.sun_path + 1, 40, "torture-%d", (int)getpid());
	must(bind(server, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(server, 1) == 0);
	pid = fork();
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		must(setgid(34) == 0 && setuid(33) == 0);
		must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
		must(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0);
		must(peer.uid == 0 && peer.gid == 0);
		must(read(fd, self, 1) == 0);
		_exit(0);
	}
	connection = accept(server, NULL, NULL);
	must(connection >= 0);
	must(getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0);
	must(peer.pid == pid && peer.uid == 33 && peer.gid == 34);
	must(close(connection) == 0);
	must(wait_for(pid) == 0);
}

static void send_as(int fd, uid_t uid, gid_t gid, int error)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct iovec text = { (char[]){ "x" }, 1 };
	struct msghdr message = { .msg_iov = &text,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct ucred claim = { .pid = getpid(), .uid = uid, .gid = gid };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_CREDENTIALS;
	header->cmsg_len = CMSG_LEN(sizeof(claim));
	memcpy(CMSG_DATA(header), &claim, sizeof(claim));
	if (error)
		must_fail(error, sendmsg(fd, &message, 0));
	else
		must(sendmsg(fd, &message, 0) == 1);
}

static void receive_from(int fd, pid_t pid, uid_t uid, gid_t gid)
{
	union {
		struct cmsghdr header;
		char room[256];
	} control = { 0 };
	struct iovec text = { (char[]){ "x" }, 1 };
	struct msghdr message = { .msg_iov = &text,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header;
	struct ucred sender;

	must(recvmsg(fd, &message, 0) == 1);
	header = CMSG_FIRSTHDR(&message);
	must(header && header->cmsg_type == SCM_CREDENTIALS);
	memcpy(&sender, CMSG_DATA(header), sizeof(sender));
	must(sender.pid == pid && sender.uid == uid && sender.gid == gid);
}

/* What syslog and sd_notify go by. */
static void messages_say_who_sent_them(void)
{
	const int on = 1;
	int ends[2];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
	must(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	send_as(ends[1], 0, 0, 0);
	receive_from(ends[0], getpid(), 0, 0);
	pid = fork();
	if (pid == 0) {
		must(setgid(34) == 0 && setresuid(33, 35, 35) == 0);
		must(send(ends[1], "x", 1, 0) == 1);
		_exit(0);
	}
	must(wait_for(pid) == 0);
	receive_from(ends[0], pid, 33, 34);
	pid = fork();
	if (pid == 0) {
		must(setgid(34) == 0 && setresuid(33, 35, 35) == 0);
		send_as(ends[1], 35, 34, 0);
		send_as(ends[1], 0, 34, EPERM);
		_exit(0);
	}
	must(wait_for(pid) == 0);
	receive_from(ends[0], pid, 35, 34);
}

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

static void the_other_side_of_a_socket_knows_our_groups(void)
{
	gid_t groups[] = { 5, 6, 7 };
	gid_t said[8];
	socklen_t size = sizeof(said);
	int ends[2];

	must(setgroups(3, groups) == 0);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	must(getsockopt(ends[0], SOL_SOCKET, SO_PEERGROUPS, said, &size) == 0);
	must(size == sizeof(groups) && memcmp(said, groups, size) == 0);
	size = 4;
	must_fail(ERANGE, getsockopt(ends[0], SOL_SOCKET, SO_PEERGROUPS, said, &size));
	must(size == sizeof(groups));
}

static bool file_says(const char *name, const char *line)
{
	char text[4096];
	FILE *file = fopen(name, "re");
	bool says = false;

	must(file);
	while (fgets(text, sizeof(text), file))
		says |= strncmp(text, line, strlen(line)) == 0;
	fclose(file);
	return says;
}

static void proc_says_who_we_are(void)
{
	int ends[2];
	char name[64];
	struct stat st;
	pid_t pid;
	char c;

	must(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		must(setgroups(2, (gid_t[]){ 5, 6 }) == 0 && setgid(34) == 0 && setuid(33) == 0);
		must(prctl(PR_SET_DUMPABLE, 1) == 0);
		must(file_says("/proc/self/status", "Uid:\t33\t33\t33\t33\n"));
		must(file_says("/proc/self/status", "Gid:\t34\t34\t34\t34\n"));
		must(file_says("/proc/self/status", "Groups:\t5 6 \n"));
		must(file_says("/proc/self/status", "CapEff:\t0000000000000000\n"));
		must(stat("/proc/self", &st) == 0 && st.st_uid == 33 && st.st_gid == 34);
		must(write(ends[1], "x", 1) == 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	must(read(ends[0], &c, 1) == 1);
	snprintf(name, sizeof(name), "/proc/%d", (int)pid);
	must(stat(name, &st) == 0 && st.st_uid == 33 && st.st_gid == 34);
	must(kill(pid, SIGKILL) == 0);
	must(wait_for(pid) == -SIGKILL);
	must(stat("/proc/self", &st) == 0 && st.st_uid == 0);
}

/* Three ways to read a file of /proc: the plainest, one that asks for its size, one behind another
 * call. */
static int open_plainly(const char *name)
{
	return (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
}

static int open_and_measure(const char *name)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	must(fstat(fd, &st) == 0 && S_ISREG(st.st_mode));
	must(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	return fd;
}

static int open_afterwards(const char *name)
{
	must(getuid() == 0);
	return (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* Waits, without a call that could be trapped, until it is told of a process that is 33 now. */
static void read_when_told(int fd, int (*open_file)(const char *name))
{
	char text[4096];
	char name[64];
	pid_t other;
	ssize_t size;

	must(read(fd, &other, sizeof(other)) == sizeof(other));
	snprintf(name, sizeof(name), "/proc/%d/status", (int)other);
	fd = open_file(name);
	size = read(fd, text, sizeof(text) - 1);
	must(size > 0);
	text[size] = '\0';
	must(strstr(text, "\nUid:\t33\t33\t33\t33\n"));
	_exit(0);
}

/* Alone, before anybody else in the session has changed who he is, or it proves less. */
static void who_was_there_before_reads_who_another_became(void)
{
	int (*const ways[])(const char *name) = { open_plainly, open_and_measure, open_afterwards };
	int told[3][2];
	int ready[2];
	pid_t reader[3];
	pid_t other;
	char c;

	must(pipe(ready) == 0);
	for (int i = 0; i < 3; i++) {
		must(pipe(told[i]) == 0);
		reader[i] = fork();
		if (reader[i] == 0)
			read_when_told(told[i][0], ways[i]);
	}
	other = fork();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(setgid(34) == 0 && setuid(33) == 0);
		must(prctl(PR_SET_DUMPABLE, 1) == 0);
		must(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	must(read(ready[0], &c, 1) == 1);
	for (int i = 0; i < 3; i++) {
		must(write(told[i][1], &other, sizeof(other)) == sizeof(other));
		must(wait_for(reader[i]) == 0);
	}
	must(kill(other, SIGKILL) == 0);
	must(wait_for(other) == -SIGKILL);
}

static void access_goes_by_who_we_believe_to_be(void)
{
	char name[] = "/tmp/torture-XXXXXX";
	int fd = mkstemp(name);

	must(fd >= 0);
	must(chown(name, 5, 6) == 0);
	must(chmod(name, 0640) == 0);
	must(access(name, R_OK | W_OK) == 0);
	must_fail(EACCES, access(name, X_OK));
	must(chmod(name, 0000) == 0);
	must(access(name, R_OK | W_OK) == 0);
	must(chmod(name, 0640) == 0);
	must(in_child({
		     must(setgid(6) == 0 && setuid(7) == 0);
		     must(access(name, R_OK) == 0);
		     must_fail(EACCES, access(name, W_OK));
	     }) == 0);
	must(in_child({
		     must(setgroups(0, NULL) == 0 && setgid(8) == 0 && seteuid(7) == 0);
		     must(access(name, R_OK) == 0); /* by the real id */
		     must_fail(EACCES, faccessat(AT_FDCWD, name, R_OK, AT_EACCESS));
	     }) == 0);
	must(in_child({
		     must(setgroups(0, NULL) == 0 && setgid(8) == 0 && setuid(7) == 0);
		     must_fail(EPERM, chown(name, 7, 8));
		     must_fail(EPERM, chmod(name, 0777));
		     must_fail(EPERM, mknod("/tmp/torture-node", S_IFCHR | 0600, 0x103));
	     }) == 0);
	must(in_child({
		     must(setgroups(1, &(gid_t){ 9 }) == 0 && setgid(6) == 0 && setuid(5) == 0);
		     must(chown(name, -1, 9) == 0);
		     must_fail(EPERM, chown(name, -1, 10));
		     must_fail(EPERM, chown(name, 6, -1));
		     must(chmod(name, 0600) == 0);
	     }) == 0);
	must(unlink(name) == 0);
}

static const struct claim claims[] = {
	CLAIM(who_was_there_before_reads_who_another_became),
	CLAIM(we_are_root),
	CLAIM(what_is_set_is_got_back),
	CLAIM(fs_ids_follow_and_are_asked_without_changing),
	CLAIM(children_and_programs_inherit),
	CLAIM(a_saved_id_does_not_outlive_exec),
	CLAIM(a_vfork_child_does_not_change_its_parent),
	CLAIM(all_threads_change_together),
	CLAIM(capabilities_are_kept_and_lost_by_the_rules),
	CLAIM(a_set_user_id_program_gets_its_owners_id),
	CLAIM(the_other_side_of_a_socket_knows_who_we_are),
	CLAIM(messages_say_who_sent_them),
	CLAIM(the_other_side_of_a_socket_knows_our_groups),
	CLAIM(proc_says_who_we_are),
	CLAIM(access_goes_by_who_we_believe_to_be),
	{ NULL, NULL },
};

static int look(const char *what)
{
	if (strcmp(what, "look-33") == 0)
		return look_33();
	if (strcmp(what, "look-saved") == 0) {
		must(ids_are(33, 33, 33));
		must_fail(EPERM, setuid(0));
	} else if (strcmp(what, "look-vfork") == 0) {
		must(ids_are(33, 33, 33) && getgid() == 34);
	} else if (strcmp(what, "look-suid") == 0) {
		must(ids_are(33, 7, 7) && getegid() == 34);
		must(getauxval(AT_SECURE) == 1 && getauxval(AT_EUID) == 7);
		must(setuid(33) == 0 && seteuid(7) == 0);
	} else if (strcmp(what, "look-sgid") == 0) {
		must(ids_are(33, 33, 33) && getgid() == 34 && getegid() == 8);
	} else {
		must(ids_are(33, 33, 33) && getauxval(AT_SECURE) == 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	must(realpath("/proc/self/exe", self));
	if (argc > 1 && strncmp(argv[1], "look-", 5) == 0)
		return look(argv[1]);
	return run_claims(claims, argc, argv);
}
