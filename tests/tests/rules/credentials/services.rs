//! A UI and an Agent as processes of their own, with the channel between them.

use domain::event::Category;
use domain::ids::SETTINGS;
use domain::settings::{Check, Command, Event, Settings};
use eventstore::{EventLog, StreamId};
use handover::{Identity, Sender};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command as Process, Output, Stdio};
use tests::browser::{Answer, Browser};
use tests::{ADA, World};

/// A UI and an Agent of one world; they end with it.
pub struct Services {
    pub world: World,
    pub config: PathBuf,
    pub ui: SocketAddr,
    pub intake: SocketAddr,
    children: Vec<Child>,
}

impl Drop for Services {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free() -> SocketAddr {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

pub fn identity(world: &World, name: &str) -> Identity {
    Identity::create_if_missing(&world.dir.path().join("keys").join(name)).unwrap()
}

impl Services {
    pub async fn start() -> Self {
        Self::of(World::start().await, |_| {})
    }

    /// With whatever else the configuration of the Agent says.
    pub fn of(world: World, change: impl FnOnce(&mut cli::config::Agent)) -> Self {
        let (ui, intake) = (free(), free());
        let mut config = cli::config::Config::read(&world.config()).unwrap();
        change(config.agent.as_mut().unwrap());
        config.ui = Some(cli::config::Ui {
            listen: ui,
            public_url: format!("http://{ui}"),
            demonstration: false,
            intake: Some(cli::config::UiIntake {
                address: intake.to_string(),
                agent: identity(&world, "intake-agent").pin().to_string(),
                key: None,
            }),
        });
        let pin = identity(&world, "intake-ui").pin().to_string();
        config.agent.as_mut().unwrap().intake = Some(cli::config::AgentIntake { listen: intake, ui: pin });
        let file = world.dir.path().join("both.toml");
        fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
        Self { world, config: file, ui, intake, children: Vec::new() }
    }

    fn program(&self, args: &[&str]) -> Process {
        let mut program = Process::new(env!("CARGO_BIN_EXE_mycopod-lab"));
        program.arg("--config").arg(&self.config).args(args);
        program
    }

    /// Runs one command with this on its standard input.
    pub async fn told(&self, args: &[&str], input: &str) -> Output {
        let mut program = self.program(args);
        let input_file = self.world.dir.path().join("input");
        fs::write(&input_file, input).unwrap();
        program.stdin(File::open(&input_file).unwrap());
        let output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
        fs::remove_file(input_file).unwrap();
        output
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.world.dir.path().join(format!("{name}.log"))
    }

    pub fn spawn(&mut self, name: &str) -> u32 {
        let log = File::create(self.log(name)).unwrap();
        let mut program = self.program(&["-vv", name]);
        program.env("RUST_LOG", "debug").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = program.spawn().unwrap();
        let id = child.id();
        self.children.push(child);
        id
    }

    /// Waits until something listens there, or a service ended.
    pub async fn listening(&mut self, address: SocketAddr) {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            for child in &mut self.children {
                let ended = child.try_wait().unwrap();
                assert!(ended.is_none(), "a service ended; its log: {}", self.world.dir.path().display());
            }
            tokio::task::yield_now().await;
        }
    }

    /// The UI's end of the channel, without its pages.
    pub fn sender(&self) -> Sender {
        let agent = identity(&self.world, "intake-agent").pin();
        Sender::new(self.intake.to_string(), &identity(&self.world, "intake-ui"), agent).unwrap()
    }

    /// Waits until the pages, which keep the read models, know who there is.
    pub async fn people(&self) {
        let known = async {
            loop {
                let listed = self.told(&["user", "list"], "").await;
                if String::from_utf8_lossy(&listed.stdout).contains("ada") {
                    return;
                }
            }
        };
        tokio::time::timeout(tests::WAIT, known).await.expect("the read models come");
    }

    /// Asks for a test and answers with what it found.
    pub async fn tested(&self, name: &str) -> (Vec<Check>, bool) {
        let request = Command::RequestTest { name: name.into(), by: Some(ADA) };
        self.world.tell::<Settings>(Category::Settings, SETTINGS, request).await;
        self.settings(|settings| !settings.tests.contains_key(name)).await;
        let (mut checks, mut result) = (Vec::new(), None);
        for fact in self.facts().await {
            match fact {
                Event::CredentialTestRequested { name: of, .. } if of == name => checks.clear(),
                Event::CredentialChecked { name: of, check } if of == name => checks.push(check),
                Event::CredentialTested { name: of, passed } if of == name => result = Some(passed),
                _ => {}
            }
        }
        (checks, result.expect("the test ended"))
    }

    pub async fn settings(&self, wanted: impl Fn(&Settings) -> bool) -> Settings {
        self.world.until::<Settings>(Category::Settings, SETTINGS, wanted).await
    }

    pub async fn facts(&self) -> Vec<Event> {
        let history =
            self.world.store.read_stream(StreamId::new(Category::Settings, SETTINGS), 1).await.unwrap();
        history.iter().map(|recorded| eventstore::decode(recorded).unwrap()).collect()
    }

    /// The page once it shows this.
    pub async fn page(&self, browser: &mut Browser, path: &str, shows: &str) -> Answer {
        let waiting = async {
            loop {
                let head = self.world.store.head().await.unwrap().position;
                let page = browser.get(&format!("{path}?at={head}")).await;
                if page.html.contains(shows) {
                    return page;
                }
            }
        };
        tokio::time::timeout(tests::WAIT, waiting)
            .await
            .unwrap_or_else(|_| panic!("{path} never shows {shows}"))
    }
}
