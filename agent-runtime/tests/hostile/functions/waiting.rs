//! Functions that wait for what never comes.

use std::io::{Read, pipe};
use std::sync::{Barrier, Condvar, Mutex, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use super::functions;
use super::system::{SIGSTOP, close, ignore_all_signals, pause, raise};
use crate::case::Ending::Time;

functions! {
    sleep: Time => { thread::sleep(Duration::from_secs(600)); 0.into() },
    sleep_in_pieces: Time => loop { thread::sleep(Duration::from_millis(1)); },
    sleep_deafly: Time => { ignore_all_signals(); loop { thread::sleep(Duration::from_secs(600)); } },
    park: Time => loop { thread::park(); },
    wait_for_a_signal: Time => loop { pause(); },
    lock_twice: Time => { let lock = Mutex::new(0); let _held = lock.lock(); drop(lock.lock()); 0.into() },
    read_then_write: Time => { let lock = RwLock::new(0); let _held = lock.read(); drop(lock.write()); 0.into() },
    wait_at_a_barrier: Time => { Barrier::new(2).wait(); 0.into() },
    wait_for_a_condition: Time => {
        let lock = Mutex::new(0);
        let held = lock.lock().unwrap();
        drop(Condvar::new().wait_while(held, |n| *n == 0));
        0.into()
    },
    receive_from_nobody: Time => { let (_sender, receiver) = mpsc::channel::<u8>(); receiver.recv().unwrap().into() },
    read_an_empty_pipe: Time => {
        close(0);
        close(1);
        let (mut reader, _writer) = pipe().unwrap();
        reader.read(&mut [0]).unwrap().into()
    },
    stop_itself: Time => { raise(SIGSTOP); 0.into() },
    print_now_and_then: Time => loop { print!("."); println!(); thread::sleep(Duration::from_millis(10)); },
}
