CREATE ROLE tracks LOGIN PASSWORD 'secret-of-tracks';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'secret-of-replicator';
CREATE DATABASE lessons OWNER tracks;
