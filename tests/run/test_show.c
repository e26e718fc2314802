/* test_show.c: what is shown: progress, timelines, tables of tasks and of lines. */
#include "tests/run/tasks.h"

#include "roost/profile.h"
#include "roost/progress.h"

static void progress_into_a_log_is_plain_lines_with_the_last_state(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *log = open_memstream(&text, &len);
    roost_progress *p;
    ok(roost_progress_new(&(roost_progress_options){.out = log, .total = 20000, .label = "squares"}, &p));
    for (int i = 0; i < 10000; i++)
        roost_progress_update(p, 1);
    ok(roost_progress_label(p, "cubes"));
    roost_progress_set(p, 20000);
    roost_progress_close(p);
    fclose(log);
    assert_non_null(strstr(text, "cubes: 100%|####################| 20,000/20,000 ["));
    assert_null(strchr(text, '\r'));
    int lines = 0;
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    assert_in_range(lines, 1, 12);
    free(text);
}

static void progress_without_total_or_stream_works(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *log = open_memstream(&text, &len);
    roost_progress *p;
    ok(roost_progress_new(&(roost_progress_options){.out = log, .unit = "B"}, &p));
    roost_progress_update(p, 1234567);
    roost_progress_close(p);
    fclose(log);
    assert_non_null(strstr(text, "1,234,567 [00:00, "));
    assert_non_null(strstr(text, " B/s]"));
    free(text);
    ok(roost_progress_new(&(roost_progress_options){.total = 3}, &p));
    roost_progress_update(p, 3);
    roost_progress_close(p);
    roost_progress_update(NULL, 1);
    roost_progress_close(NULL);
    assert_int_equal(roost_progress_new(NULL, &p), ROOST_EINVAL);
}

static void one_option_shows_map_imap_and_as_completed(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *log = open_memstream(&text, &len);
    roost_value *in = numbers(1000), v;
    roost_pool *p = pool_with((roost_pool_options){.size = 2, .progress = log});
    ok(roost_pool_map(p, square, roost_array(in, 1000), 0, &v, -1));
    roost_value_free(&v);
    roost_iter *it;
    ok(roost_pool_imap_array(p, square, roost_array(in, 500), NULL, &it));
    while (roost_iter_next(it, &v, -1) == 0)
        continue;
    roost_iter_free(it);
    roost_future *f, *next;
    roost_completion *c;
    ok(roost_pool_apply_async(p, square, roost_list_of(roost_int(1)), NULL, &f));
    ok(roost_as_completed(&f, 1, log, &c));
    ok(roost_completion_next(c, &next, -1));
    roost_completion_free(c);
    roost_future_free(f);
    end_pool(p);
    fclose(log);
    assert_non_null(strstr(text, "1,000/1,000"));
    assert_non_null(strstr(text, "500/500"));
    assert_non_null(strstr(text, " 1/1 "));
    free(text);
    free(in);
}

static void pool_writes_its_timeline_and_its_table(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        char *trace = NULL, *table = NULL;
        size_t len = 0, n = 0;
        FILE *timeline = open_memstream(&trace, &len), *profile = open_memstream(&table, &n);
        roost_value *in = numbers(30), v;
        roost_pool *p = pool_with(
            (roost_pool_options){.size = 2, .threads = kind == 1, .timeline = timeline, .profile = profile});
        ok(roost_pool_map(p, square, roost_array(in, 30), 0, &v, -1));
        roost_value_free(&v);
        ok(roost_pool_apply(p, nap, roost_list_of(roost_int(20)), &v, -1));
        assert_int_equal(roost_pool_apply(p, fail_if_even, roost_list_of(roost_int(2)), &v, -1), ROOST_ETASK);
        end_pool(p);
        fclose(timeline);
        fclose(profile);
        int events = 0;
        for (const char *at = trace; (at = strstr(at, "\"ph\": \"X\"")) != NULL; at++)
            events++;
        assert_int_equal(events, 32);
        assert_int_equal(trace[0], '[');
        assert_string_equal(trace + len - 3, "\n]\n");
        assert_non_null(strstr(trace, "{\"name\": \"square\", \"cat\": \"task\""));
        assert_non_null(strstr(trace, "{\"name\": \"fail_if_even\", \"cat\": \"failed\""));
        const char *first = strchr(table, '\n') + 1; /* the most expensive comes first */
        assert_ptr_equal(strstr(first, "nap"), strchr(first, '\n') - 3);
        assert_non_null(strstr(table, "        30         0"));
        assert_non_null(strstr(table, "         1         1"));
        free(trace);
        free(table);
        free(in);
    }
}

static int sum_and_nap(int n)
{
    ROOST_PROFILE_LINES;
    ROOST_LINE(int sum = 0;)
    for (int i = 0; i < n; i++) {
        ROOST_LINE(sum += i;)
    }
    ROOST_LINE(usleep(20000);)
    if (sum < 0) {
        ROOST_LINE(return 0;)
    }
    return sum;
}

static void line_profile_has_hits_times_and_text(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    roost_profile_lines_reset();
    assert_int_equal(roost_profile_lines_print(out, "sum_and_nap"), ROOST_ENOENT);
    assert_int_equal(sum_and_nap(10), 45);
    assert_int_equal(sum_and_nap(0), 0);
    ok(roost_profile_lines_print(out, "sum_and_nap"));
    ok(roost_profile_lines_print(out, NULL));
    fclose(out);
    unsigned long hits = 0;
    double time = 0, share = 0;
    char *line = strstr(text, "usleep(20000);");
    assert_non_null(line);
    while (line[-1] != '\n')
        line--;
    assert_int_equal(sscanf(line, "%*d %lu %lf %*f %lf", &hits, &time, &share), 3);
    assert_int_equal(hits, 2);
    assert_true(time >= 40000 && share > 50);
    line = strstr(text, "sum += i;");
    while (line[-1] != '\n')
        line--;
    assert_int_equal(sscanf(line, "%*d %lu", &hits), 1);
    assert_int_equal(hits, 10);
    assert_null(strstr(text, "return 0;"));
    assert_non_null(strstr(text, "Function: sum_and_nap"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_into_a_log_is_plain_lines_with_the_last_state),
        cmocka_unit_test(progress_without_total_or_stream_works),
        cmocka_unit_test(one_option_shows_map_imap_and_as_completed),
        cmocka_unit_test(pool_writes_its_timeline_and_its_table),
        cmocka_unit_test(line_profile_has_hits_times_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
