pg_dump -Fc -h db1.example.org -U tracks -f lessons.dump lessons
createdb -h db1.example.org -U postgres -O tracks restored
pg_restore -h db1.example.org -U tracks -d restored --no-owner --exit-on-error lessons.dump
