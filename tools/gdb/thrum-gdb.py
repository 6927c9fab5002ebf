# SPDX-License-Identifier: MIT
"""Greenlets and generators in gdb (12 or newer), of processes and of cores.

    thrum greenlets          all of them: name, state, and where they stand
    thrum bt N [OPTION...]   backtrace of one; options as for `bt`
    thrum bt all [LIMIT]     all, those with the same backtrace told once
    thrum apply N COMMAND    any command, as if the thread had stopped there
    thrum gcore [FILE]       a core of the process, with their stacks in it

N is a number or a name.

Installed where gdb finds it by itself when it loads libthrum.so; for a program
with libthrum.a in it, `source` this file.

What there is it learns from the library's debug information: the slabs of
stacks, and the record of a strand at the top of each stack (sys/stack.h,
coro/strand.h). A strand that stopped has left its stack pointer, place in the
code and frame pointer there, or an ucontext_t.

Registers cannot be written in a core, and need not be in a process: while one
of these commands looks at a strand, an unwinder says of the selected thread's
innermost frame that what called it is the strand. That frame is left out of
what is printed.
"""
import os
import re
import struct

import gdb
import gdb.unwinder

KINDS = {1: "thread", 2: "generator", 3: "greenlet"}
CREATED = 0  # thrum_generator_state
WOKEN = 1  # the word of a parking
WHERE_FRAMES = 40  # to look at for one that is the user's
LIMIT = 100  # backtraces told by `thrum bt all`
CHUNK = 1 << 20  # bytes copied at a time
SYSTEM = ("libthrum.so", "libc.so", "libpthread", "ld-", "linux-vdso",
          "system-supplied")
# The stack pointer, the place and the frame pointer; what each thread's own
# variables are found by.
# Where an ucontext_t has what it saves of them, for a libthrum that switches so.
UCONTEXT = {"x86-64": lambda at: [
                (name, at["gregs"][index]) for name, index in
                (("r12", 4), ("r13", 5), ("r14", 6), ("r15", 7), ("rbp", 10),
                 ("rbx", 11), ("rsp", 15), ("rip", 16))],
            "aarch64": lambda at: [
                ("sp", at["sp"]), ("pc", at["pc"]),
                *((f"x{i}", at["regs"][i]) for i in range(19, 31))]}
REGISTERS = {"x86-64": ("rsp", "rip", "rbp", "fs_base"),
             "aarch64": ("sp", "pc", "x29", "tpidr")}


class Layout:
    """The library's types and variables, of one process."""

    def __init__(self):
        if not gdb.selected_thread():
            raise gdb.GdbError("There is no process and no core file.")
        try:
            self.strand = gdb.lookup_type("struct thrumi_strand")
            self.generator = gdb.lookup_type("struct thrum_generator")
            self.greenlet = gdb.lookup_type("struct thrum_greenlet")
            self.count = int(gdb.parse_and_eval("thrumi_stack_slab_count"))
            self.slabs = gdb.parse_and_eval("thrumi_stack_slabs")
        except (gdb.error, RuntimeError) as error:
            raise gdb.GdbError(
                "There is no debug information of libthrum, or no libthrum. "
                "Build it with -g, or install what the distribution has "
                f"for it.\n({error})") from error
        self.source = self.find_source()
        self.ucontext = any(field.name == "saved" for field in
                            self.strand["ctx"].type.fields())
        self.threads = list(thread_registers())

    @staticmethod
    def find_source():
        """The folder of the library's sources, to know its frames by."""
        symbol = gdb.lookup_global_symbol("thrumi_strand_switch")
        if symbol is None:
            return None
        return symbol.symtab.fullname().rsplit("/coro/", 1)[0] + "/"

    def slots(self):
        """Of each slot that was ever used: where it begins, where its guard
        ends, and where the record is."""
        for index in range(self.count):
            slab = self.slabs[index]
            if int(slab) == 0:
                continue
            base, stride = int(slab["base"]), int(slab["stride"])
            guard = int(slab["guard"])
            for slot in range(int(slab["fresh"])):
                begin = base + slot * stride
                top = begin + stride - slot % 16 * 64
                yield begin, begin + guard, top - self.strand.sizeof

    def strands(self):
        """All that live, in the order of their stacks; then the stacks of
        threads that have left them for one of those."""
        memory = gdb.selected_inferior()
        at = self.strand["kind"].bitpos // 8
        looms = {}
        number = 0
        for _, low, address in self.slots():
            try:
                kind = memory.read_memory(address + at, 1)[0][0]
            except gdb.MemoryError:
                continue
            if kind not in (2, 3):
                continue
            number += 1
            strand = Strand(self, address, low, number)
            looms[strand.loom] = strand
            yield strand
        for loom in looms:
            thread = self.thread_strand(loom, number + 1)
            if thread is not None:
                number += 1
                yield thread

    def thread_strand(self, loom, number):
        if loom == 0:
            return None
        loom = gdb.Value(loom).cast(
            gdb.lookup_type("struct thrumi_loom").pointer())
        try:
            strand = Strand(self, int(loom["thread"].address), 0, number)
        except (gdb.MemoryError, KeyError):  # that thread has ended
            return None
        return strand if strand.pc != 0 else None


class Strand:
    """A greenlet, a generator, or a thread's own stack."""

    def __init__(self, layout, address, low, number):
        self.layout, self.low, self.number = layout, low, number
        self.address = address
        self.value = gdb.Value(address).cast(
            layout.strand.pointer()).dereference()
        self.kind = KINDS[int(self.value["kind"])]
        self.pc = int(self.value["ctx"]["pc"])
        self.loom = int(self.value["loom"])

    @property
    def name(self):
        if self.kind == "thread":
            return "(its own stack)"
        return self.value["name"].string("utf-8", "replace")

    @property
    def running(self):
        return self.pc == 0

    @property
    def new(self):
        return self.loom == 0

    def doing(self):
        """What it does, in the words of coro/dump.c."""
        if self.running:
            return "running"
        if self.new:
            return "not begun"
        wait = self.wait()
        if wait is not None:
            return wait
        if self.kind == "generator":
            return self.doing_generator()
        if self.kind == "greenlet":
            return self.doing_greenlet()
        return "waits for another"

    def wait(self):
        """What it waits for, in the words of task/wait_note.c, or None."""
        context = self.value["running"]
        parking = context["waits_in"] if int(context) != 0 else context
        if int(parking) == 0:
            return None
        if int(parking["word"]) == WOKEN:
            return "about to go on"
        what, on = parking["what"], int(parking["on"])
        text = what.string() if int(what) != 0 else "something"
        if "#" in text:
            text = text.replace("#", str(on))
        elif on != 0:
            text += f" {on:#x}"
        return "waiting for " + text

    def doing_generator(self):
        own = self.value["handle"].cast(self.layout.generator.pointer())
        root = own
        while int(root["outer"]) != 0:
            root = root["outer"]
        if int(own["handle"]["state"]) == CREATED:
            return "not begun"
        if int(root["link"]) != int(own):
            return "yields from another"
        if int(root["handle"]["ready"]) != self.loom:
            return "waits for another"
        return "suspended at a yield"

    def doing_greenlet(self):
        own = self.value["handle"].cast(self.layout.greenlet.pointer())
        if int(own["handle"]["ready"]) != self.loom or \
                int(own["at"]) != self.address:
            return "waits for another"
        return "suspended at a switch"

    def thread(self):
        """The gdb thread that it belongs to, or None: by where that thread's
        errno is, which is at the same distance from its thread pointer in
        all."""
        if self.new:
            return None
        try:
            errno = int(self.value["loom"]["errno_at"])
        except gdb.MemoryError:  # it was kept when its thread ended
            return None
        near = [(abs(pointer - errno), thread.num, thread)
                for thread, _, pointer in self.layout.threads
                if pointer is not None]
        return min(near)[2] if near else None

    def runner(self):
        """The thread whose stack pointer is in its stack, or None."""
        for thread, sp, _ in self.layout.threads:
            if self.low <= sp < self.address:
                return thread
        return None

    def function(self):
        """The function that it was made for, as gdb writes its address."""
        match = re.search(r"<(\S+)>", str(self.value["fn"]))
        return match.group(1) if match else "?"


# ---- registers and threads ----

def registers():
    return REGISTERS[architecture_of(gdb.newest_frame())]


def thread_registers():
    """Each thread with its stack pointer and thread pointer."""
    for thread in gdb.selected_inferior().threads():
        with Selected(thread):
            frame = gdb.newest_frame()
            sp, _, _, pointer = registers()
            yield (thread, int(frame.read_register(sp)),
                   read_or_none(frame, pointer))


def read_or_none(frame, register):
    try:
        return int(frame.read_register(register))
    except (gdb.error, ValueError):
        return None


def select_frame(level):
    """Quietly, unlike the command `frame`."""
    frame = gdb.newest_frame()
    while frame.level() < level and frame.older() is not None:
        frame = frame.older()
    frame.select()


class Selected:
    """Selects a thread, and afterwards what was selected before."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        self.before = gdb.selected_thread()
        self.level = gdb.selected_frame().level()
        if self.thread.num != self.before.num:
            self.thread.switch()

    def __exit__(self, *what):
        if self.thread.num != self.before.num:
            self.before.switch()
            select_frame(self.level)


# ---- the unwinder ----

class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class StrandUnwinder(gdb.unwinder.Unwinder):
    """Says that a strand has called the thread's innermost frame."""

    def __init__(self):
        super().__init__("thrum-strand")
        self.enabled = False
        self.strand = None
        self.frame = None  # the innermost one: stack pointer and place

    def __call__(self, pending):
        if self.strand is None:
            return None
        arch = architecture_of(pending)
        sp, pc, fp, _ = REGISTERS[arch]
        if (int(pending.read_register(sp)),
                int(pending.read_register(pc))) != self.frame:
            return None
        ctx = self.strand.value["ctx"]
        if self.strand.layout.ucontext:
            saved = dict(UCONTEXT[arch](ctx["saved"]["uc_mcontext"]))
        else:
            saved = {sp: ctx["sp"], pc: ctx["pc"], fp: ctx["fp"]}
        # below the caller's, as if it had been called there
        info = pending.create_unwind_info(
            FrameId(saved[sp] - 16, saved[pc]))
        for register, value in saved.items():
            like = pending.read_register(register).type
            info.add_saved_register(register, value.cast(like))
        return info


def architecture_of(at):
    """Of a frame, or of one that is about to be: a key of REGISTERS."""
    name = at.architecture().name()
    for arch in REGISTERS:
        if arch in name:
            return arch
    raise gdb.GdbError(f"Nothing is known of the registers of {name}.")


UNWINDER = StrandUnwinder()


class Standing:
    """Within it, the frames from number 1 on are those of the strand."""

    def __init__(self, strand):
        self.strand = strand

    def __enter__(self):
        sp, pc = registers()[:2]
        frame = gdb.newest_frame()
        self.level = gdb.selected_frame().level()
        UNWINDER.frame = (int(frame.read_register(sp)),
                          int(frame.read_register(pc)))
        UNWINDER.strand = self.strand
        self.enable(True)

    def __exit__(self, *what):
        UNWINDER.strand = None
        self.enable(False)
        select_frame(self.level)

    @staticmethod
    def enable(on):
        UNWINDER.enabled = on
        gdb.invalidate_cached_frames()


# ---- looking at one ----

def frames(strand):
    """The frames of a strand that stands; only within Standing."""
    frame = gdb.newest_frame().older()
    while frame is not None:
        yield frame
        frame = frame.older()


def is_own(layout, frame):
    """Is it a frame of the library or the system, or without a name?"""
    name = frame.name()
    if name is None or name.startswith("thrumi_"):
        return True
    library = os.path.basename(gdb.solib_name(frame.pc()) or "")
    if library.startswith(SYSTEM):
        return True
    symtab = frame.find_sal().symtab
    return (layout.source is not None and symtab is not None and
            symtab.fullname().startswith(layout.source))


def place(frame):
    """A frame in a few words."""
    sal = frame.find_sal()
    if sal.symtab is None:
        return frame.name()
    return f"{frame.name()} ({sal.symtab.filename}:{sal.line})"


def where(strand):
    """The innermost frame that is not the library's, in words."""
    if strand.running:
        thread = strand.runner()
        if thread is None:
            return ""
        with Selected(thread):
            return place_of_user(strand.layout, thread_frames())
    if strand.new:
        return strand.function()
    with Standing(strand):
        return place_of_user(strand.layout, frames(strand))


def thread_frames():
    frame = gdb.newest_frame()
    while frame is not None:
        yield frame
        frame = frame.older()


def place_of_user(layout, all_frames):
    for frame, _ in zip(all_frames, range(WHERE_FRAMES)):
        if not is_own(layout, frame):
            return place(frame)
    return "?"


def without_first(text):
    """A backtrace without its frame 0, the others counted from 0."""
    lines = text.splitlines()
    begin = next((number for number, line in enumerate(lines)
                  if re.match("#[1-9]", line)), len(lines))
    return [re.sub(r"^#(\d+)( *)", renumber, line) for line in lines[begin:]]


def one_more(options):
    """The options of `bt` with a count of innermost frames raised by one."""
    return re.sub(r"(?<!\S)\d+(?!\S)",
                  lambda match: str(int(match.group()) + 1), options)


def renumber(match):
    text = f"#{int(match.group(1)) - 1}"
    return text.ljust(len(match.group()))


def backtrace(strand, options=""):
    """The lines of its backtrace."""
    if strand.running:
        thread = strand.runner()
        if thread is None:
            return ["It runs, in no thread that gdb knows."]
        with Selected(thread):
            return gdb.execute(f"bt {options}", to_string=True).splitlines()
    if strand.new:
        return [f"It will call {strand.function()}."]
    with Standing(strand):
        return without_first(
            gdb.execute(f"bt {one_more(options)}", to_string=True))


def title(strand):
    thread = strand.thread()
    of = f" of thread {thread.num}" if thread else ""
    name = f' "{strand.name}"' if strand.name else ""
    return f"{strand.kind}{name}{of}: {strand.doing()}"


def find(which):
    """The strand of that number or name."""
    for strand in Layout().strands():
        if which in (str(strand.number), strand.name):
            return strand
    raise gdb.GdbError(f'There is no greenlet or generator "{which}": '
                       "`thrum greenlets` lists them.")


def split(argument):
    """Which strand, and the rest as it is."""
    match = re.fullmatch(r'\s*(?:"([^"]*)"|(\S+))\s*(.*)', argument)
    if not match:
        raise gdb.GdbError("Which one? A number or name of "
                           "`thrum greenlets`.")
    return match.group(1) or match.group(2), match.group(3)


# ---- the commands ----

class ThrumCommand(gdb.Command):
    """Greenlets and generators of libthrum."""

    def __init__(self):
        super().__init__("thrum", gdb.COMMAND_STACK, prefix=True)


class GreenletsCommand(gdb.Command):
    """List all greenlets and generators of the process.

usage: thrum greenlets

For each its number, for `thrum bt`; name; kind; thread; what it does or waits
for; and the innermost function that is not the library's."""

    def __init__(self):
        super().__init__("thrum greenlets", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        rows = [self.row(strand) for strand in Layout().strands()]
        if not rows:
            gdb.write("There are no greenlets and no generators.\n")
            return
        self.write([("Num", "Name", "Kind", "Thread", "State", "Where"),
                    *rows])

    @staticmethod
    def row(strand):
        thread = strand.thread()
        return (str(strand.number), strand.name, strand.kind,
                str(thread.num) if thread else "-", strand.doing(),
                where(strand))

    @staticmethod
    def write(rows):
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            line = "  ".join(cell.ljust(width)
                             for cell, width in zip(row, widths))
            gdb.write(line.rstrip() + "\n")


class BtCommand(gdb.Command):
    """Print the backtrace of a greenlet or generator.

usage: thrum bt N [OPTION...]   as `bt` prints it
       thrum bt all [LIMIT]     of all; equal ones once, the most frequent first

N is a number of `thrum greenlets`, or a name ("in quotes" where it has
blanks). The selected thread and frame stay."""

    def __init__(self):
        super().__init__("thrum bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        which, rest = split(argument)
        if which == "all":
            self.all(int(rest or LIMIT))
        else:
            strand = find(which)
            self.write([title(strand), *backtrace(strand, rest)])

    @staticmethod
    def write(lines):
        gdb.write("\n".join(lines) + "\n")

    def all(self, limit):
        groups = {}
        for strand in Layout().strands():
            lines = backtrace(strand)
            key = (strand.kind, strand.doing(), *map(self.shape, lines))
            groups.setdefault(key, (lines, []))[1].append(strand)
        ordered = sorted(groups.items(), key=lambda item: -len(item[1][1]))
        for key, (lines, members) in ordered[:limit]:
            self.write([self.head(key, members), *lines, ""])
        if len(ordered) > limit:
            gdb.write(f"and {len(ordered) - limit} other backtraces\n")

    @staticmethod
    def shape(line):
        """A line of a backtrace without its arguments, which differ."""
        return re.sub(r" \(.*\)", "", line)

    @staticmethod
    def head(key, members):
        numbers = " ".join(str(one.number) for one in members[:10])
        more = f" and {len(members) - 10} more" if len(members) > 10 else ""
        plural = "" if len(members) == 1 else "s"
        return (f"{len(members)} {key[0]}{plural}, {key[1]}: "
                f"{numbers}{more}")


class ApplyCommand(gdb.Command):
    """Apply a command to a greenlet or generator that stands.

usage: thrum apply N COMMAND

The command finds the greenlet's frames from number 1 on, with 1 selected:
`thrum apply 3 frame function main_loop`, `thrum apply 3 info locals`."""

    def __init__(self):
        super().__init__("thrum apply", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        which, command = split(argument)
        strand = find(which)
        if strand.running or strand.new:
            raise gdb.GdbError("Only for one that has begun and stands still.")
        with Standing(strand):
            select_frame(1)
            try:
                gdb.execute(command, from_tty)
            except gdb.error as error:
                raise gdb.GdbError(str(error)) from error


class GcoreCommand(gdb.Command):
    """Write a core of the process, as `gcore` does, with all stacks in it.

usage: thrum gcore [FILE]

`gcore` leaves out what follows the first guard below a stack, which cannot be
read; this copies it afterwards. Cores that the kernel writes have it all."""

    def __init__(self):
        super().__init__("thrum gcore", gdb.COMMAND_DATA,
                         gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        layout = Layout()
        name = argument or f"core.{gdb.selected_inferior().pid}"
        guards = [(begin, low) for begin, low, _ in layout.slots()]
        gdb.execute(f"gcore {name}", to_string=True)
        with open(name, "r+b") as core:
            for segment in segments(core):
                copy_segment(core, segment, guards)
        gdb.write(f"Saved corefile {name}\n")


def segments(core):
    """(address, place in the file, size) of what an ELF64 core holds."""
    core.seek(32)
    table, = struct.unpack("=Q", core.read(8))
    core.seek(54)
    size, count = struct.unpack("=HH", core.read(4))
    for number in range(count):
        core.seek(table + number * size)
        kind, _, offset, address, _, length = struct.unpack(
            "=IIQQQQ", core.read(40))
        if kind == 1:  # PT_LOAD
            yield address, offset, length


def copy_segment(core, segment, guards):
    """Copies what lies between the guards, if there are any in it."""
    begin, offset, size = segment
    end = begin + size
    inside = [guard for guard in sorted(guards) if begin <= guard[0] < end]
    if not inside:
        return
    at = begin
    for guard_begin, guard_end in [*inside, (end, end)]:
        while at < guard_begin:
            n = min(CHUNK, guard_begin - at)
            core.seek(offset + at - begin)
            core.write(read_memory(at, n))
            at += n
        at = guard_end


def read_memory(address, size):
    try:
        return gdb.selected_inferior().read_memory(address, size).tobytes()
    except gdb.MemoryError:
        return b""


for one in (ThrumCommand, GreenletsCommand, BtCommand, ApplyCommand,
            GcoreCommand):
    one()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)
