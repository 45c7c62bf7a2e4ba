pg_basebackup -D "$DATA" -R -C -S standby1 --checkpoint=fast \
  -d "host=db1.example.org port=5432 user=replicator passfile=/etc/trackstore/pgpass application_name=standby1"
