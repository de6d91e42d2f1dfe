//! For the suite that every runtime passes: spawn, drop, cancel, panic, time, blocking, shutdown. It has no case yet.
