//! The memory that kernels work in: three arenas, and pointers into them.

use std::{alloc, ptr::NonNull};

use laptime_graph::schedule::{Arena, Buffer, Schedule};

/// Floats in one allocation on a cache line's boundary, all 0 at first.
///
/// Several threads read and write it at once through raw pointers, which safe code can get from a
/// [`View`] and cannot use. What keeps them apart is the contract of `Run::run`, by which kernels
/// use them: no two threads touch the same place between two barriers, as `Schedule::check` has proven,
/// and nobody has a reference to the values meanwhile.
pub(crate) struct Floats {
    allocation: NonNull<u8>,
    layout: alloc::Layout,
    start: NonNull<f32>,
    bytes: usize,
}

// SAFETY: a `Floats` owns its memory, which any thread may free. Of its methods, those that read or
// write values borrow it as a slice does; who uses a pointer into it has promised what is said above.
unsafe impl Send for Floats {}
// SAFETY: as above.
unsafe impl Sync for Floats {}

impl Floats {
    /// `bytes` bytes of zeros, and a cache line more, so that none is empty.
    pub(crate) fn zeroed(bytes: usize) -> Self {
        Self::zeroed_and(bytes, LEAST_HUGE_BYTES)
    }

    /// The same for one thread alone. Of hundreds of threads a huge page each would be gigabytes, so a good part of it
    /// must be wanted.
    pub(crate) fn zeroed_for_thread(bytes: usize) -> Self {
        Self::zeroed_and(bytes, HUGE_PAGE_BYTES / 4)
    }

    /// In huge pages from so many bytes on.
    fn zeroed_and(bytes: usize, least_huge_bytes: usize) -> Self {
        const LINE_BYTES: usize = 64;
        // Sizes that wrapped around would make arenas smaller than the places in them.
        assert!(bytes <= MOST_BYTES, "an arena of {bytes} bytes");
        let bytes = bytes.next_multiple_of(LINE_BYTES) + LINE_BYTES;
        let alignment = if bytes >= least_huge_bytes {
            HUGE_PAGE_BYTES
        } else {
            LINE_BYTES
        };
        // A huge page must be the arena's from end to end.
        let room = bytes.next_multiple_of(alignment) + alignment;
        // Room to align by hand: an allocator that is asked for so large an alignment clears the
        // memory itself, and then pages that nobody ever uses are resident too.
        let layout = alloc::Layout::from_size_align(room, LINE_BYTES).expect("arenas fit memory");
        // SAFETY: the layout's size is not 0.
        let Some(allocation) = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }) else {
            alloc::handle_alloc_error(layout)
        };
        let offset = allocation.as_ptr().align_offset(alignment);
        // SAFETY: less than `alignment`, by which there is more room than the arena needs.
        let start = unsafe { allocation.add(offset) };
        if alignment == HUGE_PAGE_BYTES {
            prefer_huge_pages(start, bytes);
        }
        Self {
            allocation,
            layout,
            start: start.cast(),
            bytes,
        }
    }

    fn pointer(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// All values, while nobody trains.
    pub(crate) fn values(&self) -> &[f32] {
        // SAFETY: initialised (zeros at first) and within the allocation; who writes through pointers
        // while the reference lives breaks the promise of `Run::run`, not this function's.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.bytes / 4) }
    }

    /// All values, to change them.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `values`, and nobody else has a reference.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(), self.bytes / 4) }
    }
}

impl Drop for Floats {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this layout.
        unsafe { alloc::dealloc(self.allocation.as_ptr(), self.layout) }
    }
}

/// No allocation may be larger than half of the address space; this leaves room to round up.
const MOST_BYTES: usize = isize::MAX as usize - 4 * HUGE_PAGE_BYTES;

/// Where pages can be larger, this is their size on x86-64 and on most ARM systems.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// From here on an arena is worth a huge page of its own.
const LEAST_HUGE_BYTES: usize = 64 << 10;

/// Asks the system for huge pages. Weights and moments of one thread fill most of its L2 cache, and
/// small pages scatter them over its sets and over more than its first TLB holds.
fn prefer_huge_pages(start: NonNull<u8>, bytes: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: the range is within an allocation of ours (`zeroed` has made room for whole huge pages),
    // and advice changes no values. A system that does not take it is as good as before.
    unsafe {
        let bytes = bytes.next_multiple_of(HUGE_PAGE_BYTES);
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (start, bytes);
}

/// What a session's arenas take at the most: those that live within a Program once for each of a training step,
/// and once, of an evaluation or of a shorter last batch, again.
pub(crate) fn arena_bytes(schedules: &[Schedule], threads: usize) -> u64 {
    let bytes = |schedule: &Schedule, arena| schedule.arena_bytes(arena) as u64;
    let within = schedules.iter().map(|schedule| {
        let of_threads = (threads as u64).saturating_mul(bytes(schedule, Arena::Thread));
        of_threads.saturating_add(bytes(schedule, Arena::Step))
    });
    let again = within.clone().max().unwrap_or(0);
    let kept = schedules
        .iter()
        .map(|schedule| bytes(schedule, Arena::Persistent))
        .max();
    within.fold(again.saturating_add(kept.unwrap_or(0)), u64::saturating_add)
}

/// The memory of one thread alone.
pub(crate) struct ThreadMemory {
    pub(crate) arena: Floats,
    pub(crate) scratch: Floats,
}

/// Where a buffer is, resolved when a Schedule is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    arena: Arena,
    offset: usize,
    /// Values from one copy to the next; 0 where there is only one.
    copy_stride: usize,
}

impl Place {
    /// The place of a buffer.
    pub(crate) fn of(buffer: &Buffer) -> Self {
        Self {
            arena: buffer.arena,
            offset: buffer.offset_bytes / 4,
            copy_stride: if buffer.copies > 1 {
                buffer.bytes / 4
            } else {
                0
            },
        }
    }

    /// The place so many values behind.
    pub(crate) fn behind(self, values: usize) -> Self {
        Self {
            offset: self.offset + values,
            ..self
        }
    }

    /// The index of the first value in its arena, in steps of this number.
    pub(crate) fn index(self, step: usize) -> usize {
        self.offset + step % 2 * self.copy_stride
    }
}

/// One thread's view of the arenas in one step.
#[derive(Clone, Copy)]
pub(crate) struct View {
    persistent: *mut f32,
    step: *mut f32,
    thread: *mut f32,
    scratch: *mut f32,
    number: usize,
}

impl View {
    /// The arenas and the scratch as a thread sees them in the step of this number.
    pub(crate) fn new(
        persistent: &Floats,
        step: &Floats,
        thread: &ThreadMemory,
        number: usize,
    ) -> Self {
        Self {
            persistent: persistent.pointer(),
            step: step.pointer(),
            thread: thread.arena.pointer(),
            scratch: thread.scratch.pointer(),
            number,
        }
    }

    /// A pointer to the thread's scratch, as large as the Schedule says.
    #[inline(always)]
    pub(crate) fn scratch(&self) -> *mut f32 {
        self.scratch
    }

    /// A pointer to the first value of a buffer, if the buffer was laid out in these arenas. Anything else
    /// gives a pointer that must not be used; to make one is allowed.
    #[inline(always)]
    pub(crate) fn at(&self, place: Place) -> *mut f32 {
        let arena = match place.arena {
            Arena::Persistent => self.persistent,
            Arena::Step => self.step,
            Arena::Thread => self.thread,
        };
        arena.wrapping_add(place.index(self.number))
    }
}
