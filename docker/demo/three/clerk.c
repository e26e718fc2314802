/*
 * clerk.c: takes deposits from the queue and books them: under the lock it reads the balance, works a while,
 * and writes the new one; so a lock that two held, or that was lost, would show in the balance, and a deposit
 * booked twice or never, too. Until the queue is shut down.
 */
#include <unistd.h>

#include "names.h"

struct clerk {
    roost_queue *deposits;
    roost_lock *lock;
    roost_dict *bank;
    long work_ms;
};

static int add(const struct clerk *c, int64_t deposit)
{
    roost_value balance;
    int rc = roost_dict_get_or(c->bank, roost_str(KEY_BALANCE), roost_int(0), &balance);
    if (rc != 0)
        return rc;
    nap_ms(c->work_ms);
    rc = roost_dict_set(c->bank, roost_str(KEY_BALANCE), roost_int(balance.as.i + deposit));
    return rc == 0 ? roost_dict_incr(c->bank, roost_str(KEY_BOOKED), roost_int(1), NULL) : rc;
}

static int book(const struct clerk *c, int64_t deposit)
{
    roost_grant grant;
    int rc = roost_lock_acquire(c->lock, &grant, -1);
    if (rc == 0 && grant.owner_died)
        say("a clerk died over the books"); /* not in this story */
    if (rc == 0)
        rc = add(c, deposit);
    if (rc == 0)
        rc = roost_lock_release_token(c->lock, grant.token);
    return rc == 0 ? roost_queue_task_done(c->deposits, 1) : rc;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_value deposit;
    struct clerk c = {.work_ms = from_env("DEMO_WORK_MS", 5)};
    char name[128] = "clerk";
    int rc, told = 0, booked = 0;
    gethostname(name, sizeof(name) - 1);
    if (argc > 2)
        snprintf(name, sizeof(name), "%s", argv[2]);
    if (argc < 2 || connect_to_cluster(argv[1], name, &m) != 0 || open_deposits(m, &c.deposits) != 0 ||
        roost_lock_open(m, LOCK_BALANCE, &c.lock) != 0 || roost_dict_open(m, DICT_BANK, &c.bank) != 0)
        return demo_die("start");
    while ((rc = roost_queue_get(c.deposits, &deposit, -1)) == 0) {
        if (book(&c, deposit.as.i) != 0)
            return demo_die("book");
        booked++;
        say_where(m, name, &told);
    }
    if (rc != ROOST_ESHUTDOWN)
        return demo_die("get");
    say("%s booked %d deposits", name, booked);
    roost_queue_close(c.deposits);
    roost_lock_close(c.lock);
    roost_dict_close(c.bank);
    roost_manager_close(m);
    return 0;
}
