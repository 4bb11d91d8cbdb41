import time

after, read = -1, [0, 0, 0, 0]
while True:
    try:
        for number, (writer, chunk) in follow("answer", "tokens", after):
            assert number == after + 1, (number, after)
            assert chunk == read[writer], (writer, chunk, read)
            after, read[writer] = number, chunk + 1
        break
    except psycopg.OperationalError:
        time.sleep(1)
print(read)
