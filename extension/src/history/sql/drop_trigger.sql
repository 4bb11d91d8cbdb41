DROP TRIGGER keep_histories ON runmeta.run
