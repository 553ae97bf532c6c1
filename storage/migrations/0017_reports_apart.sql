-- `reports` becomes a view, of two tables: the partitions of live releases, and an archive by month.
-- Workers of older releases insert into `reports`. A view refuses that, and then they ask the table `migrations`
-- whether the database is up to date: without that table they wait, and store nothing wrong.
RENAME TABLE IF EXISTS reports TO reports_live;
