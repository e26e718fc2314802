/* at.c: views of dicts and lists nested in others; see roost/at.h. The work is in object.c. */
#include "roost/at.h"

#include "client/object.h"

int roost_dict_dict_at(roost_dict *d, roost_value path, roost_dict **ret)
{
    return roost__at(OBJECT(d), ROOST_TYPE_dict, path, ret);
}

int roost_dict_list_at(roost_dict *d, roost_value path, roost_list **ret)
{
    return roost__at(OBJECT(d), ROOST_TYPE_list, path, ret);
}

int roost_list_dict_at(roost_list *l, roost_value path, roost_dict **ret)
{
    return roost__at(OBJECT(l), ROOST_TYPE_dict, path, ret);
}

int roost_list_list_at(roost_list *l, roost_value path, roost_list **ret)
{
    return roost__at(OBJECT(l), ROOST_TYPE_list, path, ret);
}

int roost_namespace_dict_at(roost_namespace *n, roost_value path, roost_dict **ret)
{
    return roost__at(OBJECT(n), ROOST_TYPE_dict, path, ret);
}

int roost_namespace_list_at(roost_namespace *n, roost_value path, roost_list **ret)
{
    return roost__at(OBJECT(n), ROOST_TYPE_list, path, ret);
}
