"""The system calls that the seccomp filter names, with their numbers: `name:x86_64:aarch64`, `-` where there is none.

The numbers are the kernel's `asm/unistd_64.h` and `asm-generic/unistd.h`; they never change once given.
"""

from __future__ import annotations

Numbers = dict[str, tuple[int | None, int | None]]


def _table(text: str) -> Numbers:
    rows = (row.split(":") for row in text.split())
    return {name: (_number(intel), _number(arm)) for name, intel, arm in rows}


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


ALLOWED = _table("""
    read:0:63 write:1:64 readv:19:65 writev:20:66 pread64:17:67 pwrite64:18:68 preadv:295:69 pwritev:296:70
    lseek:8:62 close:3:57 close_range:436:436 dup:32:23 dup2:33:- dup3:292:24
    sendfile:40:71 copy_file_range:326:285 fsync:74:82 fdatasync:75:83 ftruncate:77:46
    fallocate:285:47 fadvise64:221:223 poll:7:- ppoll:271:73 select:23:- pselect6:270:72
    epoll_create:213:- epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232:- epoll_pwait:281:22
    epoll_pwait2:441:441 eventfd2:290:19 stat:4:- fstat:5:80 lstat:6:- newfstatat:262:79 statx:332:291 statfs:137:43
    fstatfs:138:44 access:21:- faccessat:269:48 faccessat2:439:439 readlink:89:- readlinkat:267:78 getdents:78:-
    getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 creat:85:- mkdir:83:- mkdirat:258:34 rmdir:84:-
    unlink:87:- unlinkat:263:35 rename:82:- renameat:264:38 renameat2:316:276 link:86:- linkat:265:37 symlink:88:-
    symlinkat:266:36 umask:95:166
    mmap:9:222 mprotect:10:226 munmap:11:215 mremap:25:216 brk:12:214 madvise:28:233 msync:26:227
    get_mempolicy:239:236 pkey_alloc:330:289 pkey_free:331:290 pkey_mprotect:329:288
    futex:202:98 futex_waitv:449:449 futex_wake:454:454 futex_wait:455:455 futex_requeue:456:456
    set_robust_list:273:99 set_tid_address:218:96 rseq:334:293 membarrier:324:283
    gettid:186:178 sched_yield:24:124 getcpu:309:168 arch_prctl:158:- map_shadow_stack:453:453
    sched_getaffinity:204:123 sched_getparam:143:121 sched_getscheduler:145:120 sched_get_priority_max:146:125
    sched_get_priority_min:147:126 exit:60:93 exit_group:231:94 wait4:61:260 waitid:247:95 restart_syscall:219:128
    rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136 rt_sigtimedwait:128:137
    rt_sigsuspend:130:133 sigaltstack:131:132 pause:34:- alarm:37:- getitimer:36:102 setitimer:38:103
    timer_create:222:107 timer_settime:223:110 timer_gettime:224:108 timer_getoverrun:225:109 timer_delete:226:111
    nanosleep:35:101 clock_nanosleep:230:115 clock_gettime:228:113 clock_getres:229:114 gettimeofday:96:169
    time:201:- times:100:153
    getpid:39:172 getpgrp:111:- getuid:102:174 geteuid:107:175 getgid:104:176 getegid:108:177
    getresuid:118:148 getresgid:120:150 getgroups:115:158 getrlimit:97:163 getrusage:98:165 getpriority:140:141
    uname:63:160 getrandom:318:278
    recvfrom:45:207 getsockopt:55:209 getsockname:51:204 getpeername:52:205
""")
"""Whatever their arguments are: files (Landlock says which), memory, threads, own signals and timers, questions about itself,
and the channel, which was open before the filter came."""

CHECKED = _table("""
    open:2:- openat:257:56 sendto:44:206 clone:56:220 kill:62:129 tgkill:234:131 prctl:157:167 prlimit64:302:261
    fcntl:72:25 ioctl:16:29 sched_setaffinity:203:122 clone3:435:435 openat2:437:437 seccomp:317:277 socket:41:198
""")
"""Allowed for some arguments only, or answered in a way of their own."""

TOOLS = _table("""
    flock:73:32 fork:57:- vfork:58:- execve:59:221 setsid:112:157 setpgid:109:154 getpgid:121:155 getsid:124:156
""")
"""For exercises that run a compiler or a child."""

COUNTERS = _table("""
    pipe:22:- pipe2:293:59 sysinfo:99:179 preadv2:327:286 pwritev2:328:287 getppid:110:173
""")
"""For programs and devices only: the number of a pipe, and what the whole machine has free, tell what other workers do, and `preadv2` can
ask what of a file somebody has read before. In a PID namespace the parent has the number 0, which other calls take for the caller."""

OWNERSHIP = _table("""
    chmod:90:- fchmod:91:52 fchmodat:268:53 fchmodat2:452:452 utimensat:280:88 utimes:235:-
""")
"""Landlock does not cover them: the worker of another uid may use them, that of the grader's own uid may not."""

GPU = _table("""
    flock:73:32 mlock:149:228 mlock2:325:284 munlock:150:229 mbind:237:235 set_mempolicy:238:237 sched_setaffinity:203:122
    setsockopt:54:208 bind:49:200 listen:50:201
""")
"""What CUDA asks for beside ioctls. It listens on an abstract Unix socket, and does not start where it can't; nobody connects."""
