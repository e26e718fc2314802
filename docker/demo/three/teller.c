/*
 * teller.c: puts deposits of 1, 2, 3 … into the queue, which holds a few only, waits until all are booked,
 * and compares the balance with its own sum. Whatever becomes of the servers meanwhile, it sees no error.
 */
#include "names.h"

static int check(roost_dict *bank, int64_t deposits)
{
    roost_value balance, booked;
    if (roost_dict_get(bank, roost_str(KEY_BALANCE), &balance) != 0 ||
        roost_dict_get(bank, roost_str(KEY_BOOKED), &booked) != 0)
        return demo_die("look at the books");
    int64_t sum = deposits * (deposits + 1) / 2;
    bool exact = balance.as.i == sum && booked.as.i == deposits;
    say("%lld deposits of %lld, balance %lld: %s", (long long)booked.as.i, (long long)deposits,
        (long long)balance.as.i, exact ? "totals are exact" : "TOTALS DIFFER");
    return exact ? 0 : 1;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_queue *deposits;
    roost_dict *bank;
    int told = 0;
    long n = from_env("DEMO_DEPOSITS", 400);
    if (argc != 2 || connect_to_cluster(argv[1], "teller", &m) != 0 || open_deposits(m, &deposits) != 0 ||
        roost_dict_open(m, DICT_BANK, &bank) != 0)
        return demo_die("start");
    for (long i = 1; i <= n; i++) {
        if (roost_queue_put(deposits, roost_int(i), -1) != 0)
            return demo_die("put");
        say_where(m, "teller", &told);
    }
    if (roost_queue_join(deposits, -1) != 0 || roost_queue_shutdown(deposits, false) != 0)
        return demo_die("wait for the clerks");
    say_where(m, "teller", &told);
    int status = check(bank, n);
    roost_queue_close(deposits);
    roost_dict_close(bank);
    roost_manager_close(m);
    return status;
}
