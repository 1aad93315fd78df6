//! A cluster, of which one node keeps all keys of a limiter.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::Instance;
use super::server::Server;

/// Two nodes. The slots below the one of the tests' prefix are the first one's, the others the second one's.
struct Cluster {
    ports: [u16; 2],
    nodes: [Server; 2],
}

impl Cluster {
    fn start() -> Self {
        let ports = free_ports();
        let nodes = ports.map(|port| Server::start_with(&["--port", &port.to_string(), "--cluster-enabled", "yes"]));
        let slot: u16 = nodes[0].command("CLUSTER KEYSLOT {test}").trim().trim_start_matches(':').parse().unwrap();
        assert_eq!(nodes[0].command(&format!("CLUSTER ADDSLOTSRANGE 0 {}", slot - 1)), "");
        assert_eq!(nodes[1].command(&format!("CLUSTER ADDSLOTSRANGE {slot} 16383")), "");
        assert_eq!(nodes[0].command(&format!("CLUSTER MEET 127.0.0.1 {}", ports[1])), "");
        let begun = Instant::now();
        while !nodes.iter().all(|node| node.command("CLUSTER INFO").contains("cluster_state:ok")) {
            assert!(begun.elapsed() < Duration::from_secs(30), "the nodes do not find each other");
            std::thread::yield_now();
        }
        Self { ports, nodes }
    }

    fn by_way_of(&self, node: usize) -> Instance {
        let address = format!("redis://127.0.0.1:{}", self.ports[node]);
        Instance::at(&address, |builder| builder.deadline(Duration::from_secs(10)))
    }
}

/// Ports that have a free one 10,000 above, where nodes speak with each other.
fn free_ports() -> [u16; 2] {
    static CLUSTERS: AtomicU32 = AtomicU32::new(0);
    // Tests that run at once begin to look in different places.
    let cluster = CLUSTERS.fetch_add(1, Ordering::Relaxed);
    let from = 20_000 + u16::try_from((std::process::id() * 50 + cluster * 10) % 10_000).unwrap();
    let is_free =
        |port: &u16| [*port, port + 10_000].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    let mut free = (from..30_000).chain(20_000..from).filter(is_free);
    [free.next().unwrap(), free.next().unwrap()]
}

#[tokio::test]
async fn any_node_of_a_cluster_leads_to_the_one_that_has_the_keys() {
    let cluster = Cluster::start();
    let (by_other, by_owner) = (cluster.by_way_of(0), cluster.by_way_of(1));
    for instance in [&by_other, &by_owner, &by_other, &by_owner, &by_other] {
        assert!(!instance.charge("login", "someone").await.is_refused());
    }
    for instance in [&by_other, &by_owner] {
        assert!(instance.charge("login", "someone").await.is_refused());
        assert!(instance.redis.is_shared() && instance.events.heard().is_empty());
    }
    assert_eq!(cluster.nodes[0].command("DBSIZE"), ":0\r\n");
    assert_eq!(cluster.nodes[1].command("DBSIZE"), ":1\r\n");
}

#[tokio::test]
async fn a_key_is_forgotten_by_way_of_any_node() {
    let cluster = Cluster::start();
    let instance = cluster.by_way_of(0);
    instance.charge("login", "someone").await;
    let fresh = cluster.by_way_of(0);
    fresh.redis.clear(&fresh.limit("login"), "someone").await.unwrap();
    assert_eq!(cluster.nodes[1].command("DBSIZE"), ":0\r\n");
}
