//! The memory that kernels work in: three arenas, and pointers into them.

use std::{alloc, ptr::NonNull};

use laptime_graph::schedule::{Arena, Buffer};

/// Floats in one allocation on a cache line's boundary, all 0 at first.
///
/// Several threads read and write it at once through raw pointers. That no two of them touch the
/// same place between two barriers is what `Schedule::check` has proven.
pub(crate) struct Floats {
    start: NonNull<f32>,
    layout: alloc::Layout,
}

// SAFETY: a `Floats` owns its memory; what threads do with the pointers is kept apart by the
// Schedule, see above.
unsafe impl Send for Floats {}
// SAFETY: as above.
unsafe impl Sync for Floats {}

impl Floats {
    /// `bytes` bytes of zeros, and a cache line more, so that none is empty.
    pub(crate) fn zeroed(bytes: usize) -> Self {
        const LINE_BYTES: usize = 64;
        let bytes = bytes.next_multiple_of(LINE_BYTES) + LINE_BYTES;
        let layout = alloc::Layout::from_size_align(bytes, LINE_BYTES).expect("arenas fit memory");
        // SAFETY: the layout's size is not 0.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start.cast()) else {
            alloc::handle_alloc_error(layout)
        };
        Self { start, layout }
    }

    fn pointer(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// All values, while nobody trains.
    pub(crate) fn values(&self) -> &[f32] {
        // SAFETY: initialised (zeros at first) and within the allocation; a session hands it out
        // through `&self` only between two calls that train.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.layout.size() / 4) }
    }

    /// All values, to change them.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `values`, and nobody else has a reference.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(), self.layout.size() / 4) }
    }
}

impl Drop for Floats {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this layout.
        unsafe { alloc::dealloc(self.start.as_ptr().cast(), self.layout) }
    }
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

    /// A pointer to the first value of a buffer.
    #[inline(always)]
    pub(crate) fn at(&self, place: Place) -> *mut f32 {
        let arena = match place.arena {
            Arena::Persistent => self.persistent,
            Arena::Step => self.step,
            Arena::Thread => self.thread,
        };
        // SAFETY: the arenas are as large as the Schedule says, and its buffers lie within.
        unsafe { arena.add(place.index(self.number)) }
    }
}
