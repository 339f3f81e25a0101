//! WASI 0.2 as a plugin sees it: whole, so that what toolchains link in by habit resolves, and virtual.
//!
//! No files, no environment, no arguments, no sockets; standard input is empty, standard output and error become log
//! lines. The clocks stand still at `call.now`, so sleeping and waiting end at once; randomness follows from a
//! constant. So a plugin's result depends on its arguments alone, and no call into WASI blocks the thread. Only actions
//! that are no trial get real randomness: nonces and keys that others could compute would be none.

use wasmtime::component::{HasData, HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::sync;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, Network, SocketError, StreamError, TcpSocket, UdpSocket,
};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};
use wasmtime_wasi::{WasiCtxBuilder, WasiCtxView, WasiView};

use super::state::{Random, State, Stream};

/// Bytes that a plugin may write to a standard stream at once; more is written in pieces.
const WRITE_BYTES_MAX: u64 = 64 << 10;
/// Bytes of randomness that a plugin may ask for at once.
const RANDOM_BYTES_MAX: u64 = 64 << 10;
/// Where randomness starts: any constant does.
const RANDOM_SEED: u64 = 0x7465_6e74_6572_686f;

/// The handles of our streams and waits: they have no state, so the number is all there is.
const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
const NOW: u32 = 3;

/// Adds every interface of WASI 0.2's command world.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let l = linker;
    clocks::monotonic_clock::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    wasmtime_wasi_io::bindings::wasi::io::error::add_to_linker::<State, Tables>(l, |s| &mut s.table)?;
    sync::io::poll::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    sync::io::streams::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    cli::stdin::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    cli::stdout::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    cli::stderr::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    add_still_to_linker(l)
}

/// Adds the interfaces that never wait and have no streams of their own; [`super::web`] has the others.
pub(super) fn add_still_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let l = linker;
    clocks::wall_clock::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    random::random::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    random::insecure::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    random::insecure_seed::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    cli::exit::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    sync::filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    sockets::instance_network::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::network::add_to_linker::<State, WasiSockets>(l, &Default::default(), State::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sync::sockets::tcp::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sync::sockets::udp::add_to_linker::<State, WasiSockets>(l, State::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<State, HasSelf<State>>(l, |s| s)?;
    sync::sockets::udp_create_socket::add_to_linker::<State, HasSelf<State>>(l, |s| s)
}

/// The table of resources, where an interface needs nothing else.
pub(super) struct Tables;

impl HasData for Tables {
    type Data<'a> = &'a mut ResourceTable;
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // What is left to wasmtime-wasi is what needs no access: empty environment, no preopened folder, no sockets.
        let ctx = self.wasi.get_or_insert_with(|| {
            let mut builder = WasiCtxBuilder::new();
            Box::new(builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false).build())
        });
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl State {
    fn random_u64(&mut self) -> wasmtime::Result<u64> {
        match &mut self.random {
            Random::Fixed(place) => Ok(fixed(place)),
            Random::System => Ok(getrandom::u64()?),
        }
    }

    fn random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > RANDOM_BYTES_MAX {
            wasmtime::bail!("asked for {len} random bytes; up to {RANDOM_BYTES_MAX} are given at once");
        }
        let mut bytes = vec![0; usize::try_from(len)?];
        match &mut self.random {
            Random::Fixed(place) => {
                for eight in bytes.chunks_mut(8) {
                    eight.copy_from_slice(&fixed(place).to_le_bytes()[..eight.len()]);
                }
            }
            Random::System => getrandom::fill(&mut bytes)?,
        }
        Ok(bytes)
    }

    fn print(&mut self, stream: &Resource<DynOutputStream>, bytes: &[u8]) {
        let stream = if stream.rep() == STDERR { Stream::Err } else { Stream::Out };
        self.log.print(stream, bytes);
    }
}

/// The next number of a fixed sequence (splitmix64).
const fn fixed(place: &mut u64) -> u64 {
    *place = place.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *place ^ RANDOM_SEED;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl random::random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl random::insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl random::insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        match self.random {
            Random::Fixed(_) => Ok((RANDOM_SEED, RANDOM_SEED.rotate_left(32))),
            Random::System => Ok((self.random_u64()?, self.random_u64()?)),
        }
    }
}

impl clocks::wall_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        let millis = self.now.as_millis();
        let nanoseconds = u32::try_from(millis % 1000)? * 1_000_000;
        Ok(clocks::wall_clock::Datetime { seconds: millis / 1000, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds: 1_000_000 })
    }
}

impl clocks::monotonic_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        // Never zero: Go's runtime takes that for a broken clock, and stops.
        Ok(self.now.as_millis().max(1).saturating_mul(1_000_000))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000_000)
    }

    fn subscribe_instant(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(Resource::new_own(NOW))
    }

    fn subscribe_duration(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(Resource::new_own(NOW))
    }
}

impl sync::io::poll::Host for State {
    fn poll(&mut self, waits: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        Ok((0..u32::try_from(waits.len())?).collect())
    }
}

impl sync::io::poll::HostPollable for State {
    fn ready(&mut self, _: Resource<DynPollable>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn block(&mut self, _: Resource<DynPollable>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn drop(&mut self, _: Resource<DynPollable>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl cli::stdin::Host for State {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        Ok(Resource::new_own(STDIN))
    }
}

impl cli::stdout::Host for State {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        Ok(Resource::new_own(STDOUT))
    }
}

impl cli::stderr::Host for State {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        Ok(Resource::new_own(STDERR))
    }
}

/// The plugin ended itself.
#[derive(Debug, thiserror::Error)]
#[error("the plugin called exit with code {0}")]
pub(super) struct Exited(pub u8);

impl cli::exit::Host for State {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Exited(u8::from(status.is_err())).into())
    }

    fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(Exited(code).into())
    }
}

impl sync::io::streams::Host for State {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<sync::io::streams::StreamError> {
        match error {
            StreamError::Closed => Ok(sync::io::streams::StreamError::Closed),
            StreamError::LastOperationFailed(error) | StreamError::Trap(error) => Err(error),
        }
    }
}

impl sync::io::streams::HostInputStream for State {
    fn read(&mut self, _: Resource<DynInputStream>, _: u64) -> Result<Vec<u8>, StreamError> {
        Err(StreamError::Closed)
    }

    fn blocking_read(&mut self, _: Resource<DynInputStream>, _: u64) -> Result<Vec<u8>, StreamError> {
        Err(StreamError::Closed)
    }

    fn skip(&mut self, _: Resource<DynInputStream>, _: u64) -> Result<u64, StreamError> {
        Err(StreamError::Closed)
    }

    fn blocking_skip(&mut self, _: Resource<DynInputStream>, _: u64) -> Result<u64, StreamError> {
        Err(StreamError::Closed)
    }

    fn subscribe(&mut self, _: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(Resource::new_own(NOW))
    }

    fn drop(&mut self, _: Resource<DynInputStream>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl sync::io::streams::HostOutputStream for State {
    fn check_write(&mut self, _: Resource<DynOutputStream>) -> Result<u64, StreamError> {
        Ok(WRITE_BYTES_MAX)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> Result<(), StreamError> {
        self.print(&stream, &bytes);
        Ok(())
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> Result<(), StreamError> {
        self.print(&stream, &bytes);
        Ok(())
    }

    fn flush(&mut self, _: Resource<DynOutputStream>) -> Result<(), StreamError> {
        Ok(())
    }

    fn blocking_flush(&mut self, _: Resource<DynOutputStream>) -> Result<(), StreamError> {
        Ok(())
    }

    fn subscribe(&mut self, _: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Ok(Resource::new_own(NOW))
    }

    fn write_zeroes(&mut self, _: Resource<DynOutputStream>, _: u64) -> Result<(), StreamError> {
        Ok(())
    }

    fn blocking_write_zeroes_and_flush(&mut self, _: Resource<DynOutputStream>, _: u64) -> Result<(), StreamError> {
        Ok(())
    }

    fn splice(
        &mut self,
        _: Resource<DynOutputStream>,
        _: Resource<DynInputStream>,
        _: u64,
    ) -> Result<u64, StreamError> {
        Err(StreamError::Closed)
    }

    fn blocking_splice(
        &mut self,
        _: Resource<DynOutputStream>,
        _: Resource<DynInputStream>,
        _: u64,
    ) -> Result<u64, StreamError> {
        Err(StreamError::Closed)
    }

    fn drop(&mut self, _: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl sockets::network::Host for State {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<sockets::network::ErrorCode> {
        sockets::network::Host::convert_error_code(&mut self.sockets(), error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime_wasi::p2::IoError>,
    ) -> wasmtime::Result<Option<sockets::network::ErrorCode>> {
        sockets::network::Host::network_error_code(&mut self.sockets(), error)
    }
}

impl sockets::network::HostNetwork for State {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        sockets::network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl sockets::tcp_create_socket::Host for State {
    fn create_tcp_socket(&mut self, _: sockets::network::IpAddressFamily) -> Result<Resource<TcpSocket>, SocketError> {
        Err(sockets::network::ErrorCode::AccessDenied.into())
    }
}

impl sync::sockets::udp_create_socket::Host for State {
    fn create_udp_socket(&mut self, _: sockets::network::IpAddressFamily) -> Result<Resource<UdpSocket>, SocketError> {
        Err(sockets::network::ErrorCode::AccessDenied.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::plugin::Limits;

    fn state() -> State {
        State::new(&Limits::default(), Time::from_millis(1_700_000_000_123))
    }

    #[test]
    fn sleeping_for_centuries_takes_no_time() {
        use clocks::monotonic_clock::Host as _;
        use sync::io::poll::{Host as _, HostPollable as _};
        let mut state = state();
        let before = clocks::monotonic_clock::Host::now(&mut state).expect("a time");
        let wait = state.subscribe_duration(u64::MAX).expect("a wait");
        let until = state.subscribe_instant(u64::MAX).expect("a wait");
        assert_eq!(state.poll(vec![wait, until]).expect("both are over"), [0, 1]);
        let wait = state.subscribe_duration(u64::MAX).expect("a wait");
        state.block(wait).expect("it is over");
        assert_eq!(clocks::monotonic_clock::Host::now(&mut state).expect("a time"), before, "and none has passed");
    }

    #[test]
    fn the_monotonic_clock_is_never_zero() {
        let mut state = State::new(&Limits::default(), Time::default());
        assert!(clocks::monotonic_clock::Host::now(&mut state).expect("a time") > 0);
    }

    #[test]
    fn randomness_is_the_same_in_every_call_and_bounded() {
        use random::random::Host as _;
        let draw = |state: &mut State| state.get_random_bytes(13).expect("random bytes");
        let (mut one, mut two) = (state(), state());
        let first = draw(&mut one);
        assert_eq!(first, draw(&mut two));
        assert_ne!(first, draw(&mut one), "within a call it goes on");
        assert_eq!(first.len(), 13);
        state().get_random_bytes(u64::MAX).expect_err("it would fill the memory");
    }

    #[test]
    fn randomness_of_the_system_is_another_each_time() {
        use random::insecure_seed::Host as _;
        use random::random::Host as _;
        let state = || State { random: Random::System, ..state() };
        let draw = || state().get_random_bytes(32).expect("random bytes");
        assert!(draw().len() == 32 && draw() != draw());
        assert_ne!(state().get_random_u64().expect("a number"), state().get_random_u64().expect("a number"));
        assert_ne!(state().insecure_seed().expect("a seed"), state().insecure_seed().expect("a seed"));
        state().get_random_bytes(u64::MAX).expect_err("it would fill the memory");
    }

    #[test]
    fn there_are_no_files_no_environment_and_no_sockets() {
        use cli::environment::Host as _;
        use filesystem::preopens::Host as _;
        use sockets::tcp_create_socket::Host as _;
        use sync::sockets::udp_create_socket::Host as _;
        let mut state = state();
        assert_eq!(state.cli().get_environment().expect("an environment"), []);
        assert_eq!(state.cli().get_arguments().expect("arguments"), [""; 0]);
        assert!(state.filesystem().get_directories().expect("folders").is_empty());
        assert!(state.create_tcp_socket(sockets::network::IpAddressFamily::Ipv4).is_err());
        assert!(state.create_udp_socket(sockets::network::IpAddressFamily::Ipv6).is_err());
    }
}
