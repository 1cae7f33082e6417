"""What AWS delivers: buckets, layouts and manifests, and the deliveries that they hold."""
