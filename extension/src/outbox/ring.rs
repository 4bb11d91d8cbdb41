//! A ring of bytes that many sessions fill and the worker empties.

/// Bytes that wait at the most: some 20,000 changes with ids of 10 bytes.
const CAPACITY: usize = 1024 * 1024;

/// A ring of bytes in shared memory, guarded by a lock. Zero everywhere is an empty one.
#[repr(C)]
pub struct Ring {
    /// Where the oldest byte is.
    start: usize,
    length: usize,
    lost: bool,
    bytes: [u8; CAPACITY],
}

impl Ring {
    /// Returns how many bytes there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Adds entries. If there is no room, all are lost, which the next [`drain`](Self::drain) returns.
    pub fn push(&mut self, entries: &[u8]) {
        if self.lost {
            return;
        }
        if self.length + entries.len() > CAPACITY {
            self.lose();
            return;
        }
        let at = (self.start + self.length) % CAPACITY;
        let first = entries.len().min(CAPACITY - at);
        self.bytes[at..at + first].copy_from_slice(&entries[..first]);
        self.bytes[..entries.len() - first].copy_from_slice(&entries[first..]);
        self.length += entries.len();
    }

    /// Loses all entries.
    pub fn lose(&mut self) {
        self.lost = true;
        self.length = 0;
    }

    /// Moves all entries to the end of a vector. Returns true if some were lost.
    pub fn drain(&mut self, into: &mut Vec<u8>) -> bool {
        let first = self.length.min(CAPACITY - self.start);
        into.extend_from_slice(&self.bytes[self.start..self.start + first]);
        into.extend_from_slice(&self.bytes[..self.length - first]);
        (self.start, self.length) = (0, 0);
        std::mem::take(&mut self.lost)
    }
}
