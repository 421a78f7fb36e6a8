"""The live stream: hub, protocol, sockets."""
