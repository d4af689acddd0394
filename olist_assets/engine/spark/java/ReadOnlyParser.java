/* The parser of the Thrift server: it refuses every statement but queries of the served views and a few that describe
 * them. Janino compiles this file as the server starts; it knows neither lambdas nor inferred type arguments. */
package olist;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.analysis.UnresolvedNamespace;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableOrView;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableValuedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.parser.ParameterContext;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import scala.Product;
import scala.collection.Iterable;
import scala.collection.Iterator;
import scala.collection.immutable.Seq;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

public class ReadOnlyParser implements ParserInterface {
  private static final Set OWN_TEXTS = ConcurrentHashMap.newKeySet();

  private final ParserInterface spark;

  public ReadOnlyParser(ParserInterface spark) {
    this.spark = spark;
  }

  /** Allow a text that this server parses itself, as the definition of a view, or before it has clients. */
  public static void allow(String text) {
    OWN_TEXTS.add(text);
  }

  public static void forbid(String text) {
    OWN_TEXTS.remove(text);
  }

  public LogicalPlan parsePlan(String text) throws ParseException {
    return checked(text, spark.parsePlan(text));
  }

  public LogicalPlan parsePlanWithParameters(String text, ParameterContext parameters) throws ParseException {
    return checked(text, spark.parsePlanWithParameters(text, parameters));
  }

  public LogicalPlan parseQuery(String text) throws ParseException {
    return checked(text, spark.parseQuery(text));
  }

  private static LogicalPlan checked(String text, LogicalPlan plan) {
    if (!OWN_TEXTS.contains(text)) {
      Statements.check(plan);
    }
    return plan;
  }

  public Expression parseExpression(String text) throws ParseException {
    return spark.parseExpression(text);
  }

  public TableIdentifier parseTableIdentifier(String text) throws ParseException {
    return spark.parseTableIdentifier(text);
  }

  public FunctionIdentifier parseFunctionIdentifier(String text) throws ParseException {
    return spark.parseFunctionIdentifier(text);
  }

  public Seq parseMultipartIdentifier(String text) throws ParseException {
    return spark.parseMultipartIdentifier(text);
  }

  public StructType parseRoutineParam(String text) throws ParseException {
    return spark.parseRoutineParam(text);
  }

  public StructType parseTableSchema(String text) throws ParseException {
    return spark.parseTableSchema(text);
  }

  public DataType parseDataType(String text) throws ParseException {
    return spark.parseDataType(text);
  }
}

/** What a statement may consist of, before any name in it is looked up. */
class Statements {
  private static final String CATALYST = "org.apache.spark.sql.catalyst.";
  private static final String PLANS = CATALYST + "plans.logical.";
  private static final String UNRESOLVED = CATALYST + "analysis.Unresolved";

  private static final Set ALLOWED = names(PLANS, new String[] {
      "Aggregate", "Deduplicate", "Distinct", "Except", "Filter", "Generate", "GlobalLimit", "Intersect", "Join",
      "LateralJoin", "LocalLimit", "LocalRelation", "Offset", "OneRowRelation", "Pivot", "Project", "Range",
      "RebalancePartitions", "Repartition", "RepartitionByExpression", "Sample", "Sort", "SubqueryAlias", "Tail", "Union",
      "Unpivot", "UnresolvedHint", "UnresolvedWith", "Window", "WithWindowDefinition", "AsOfJoin",
      // Of statements that describe.
      "DescribeColumn", "DescribeRelation", "ShowColumns", "ShowNamespaces", "ShowTables", "ShowViews"});
  static {
    ALLOWED.addAll(names(CATALYST + "analysis.", new String[] {
        "CurrentNamespace$", "UnresolvedHaving", "UnresolvedInlineTable", "UnresolvedNamespace",
        "UnresolvedQualify", "UnresolvedRelation", "UnresolvedSubqueryColumnAliases", "UnresolvedTVFAliases",
        "UnresolvedTableOrView", "UnresolvedTableValuedFunction"}));
    ALLOWED.addAll(names("org.apache.spark.sql.execution.command.", new String[] {
        "DescribeQueryCommand", "ExplainCommand", "ShowNamespacesCommand"}));
    ALLOWED.add(CATALYST + "expressions.PipeOperator");
  }

  // These call methods of Java, so anything.
  private static final Set FORBIDDEN_FUNCTIONS =
      names("", new String[] {"java_method", "reflect", "try_java_method", "try_reflect"});
  // Others read files by their path, as Delta's table_changes_by_path.
  private static final Set TABLE_FUNCTIONS = names("", new String[] {
      "explode", "explode_outer", "inline", "inline_outer", "json_tuple", "posexplode", "posexplode_outer", "range",
      "stack"});

  private static Set names(String prefix, String[] simple) {
    Set result = new HashSet();
    for (int i = 0; i < simple.length; i++) {
      result.add(prefix + simple[i]);
    }
    return result;
  }

  /** Look at everything that a plan holds: its inputs, expressions, their subqueries, and what is in collections. */
  static void check(Object part) {
    if (part instanceof LogicalPlan) {
      checkPlan((LogicalPlan) part);
    } else if (part instanceof Expression) {
      checkExpression((Expression) part);
    }
    if (part instanceof Product) {
      checkAll(((Product) part).productIterator());
    } else if (part instanceof Iterable) {
      checkAll(((Iterable) part).iterator());
    }
  }

  private static void checkAll(Iterator parts) {
    while (parts.hasNext()) {
      check(parts.next());
    }
  }

  private static void checkPlan(LogicalPlan plan) {
    if (!ALLOWED.contains(plan.getClass().getName())) {
      refuse(plan.nodeName());
    } else if (plan instanceof UnresolvedRelation) {
      UnresolvedRelation relation = (UnresolvedRelation) plan;
      requireView(relation.multipartIdentifier());
      if (relation.isStreaming() || !relation.options().isEmpty()) {
        refuse("a table with options");
      }
    } else if (plan instanceof UnresolvedTableOrView) {
      requireView(((UnresolvedTableOrView) plan).multipartIdentifier());
    } else if (plan instanceof UnresolvedNamespace) {
      requireDefault(((UnresolvedNamespace) plan).multipartIdentifier());
    } else if (plan instanceof UnresolvedTableValuedFunction) {
      requireFunction(((UnresolvedTableValuedFunction) plan).name(), TABLE_FUNCTIONS, true);
    }
  }

  private static void checkExpression(Expression expression) {
    String name = expression.getClass().getName();
    if (!name.startsWith(CATALYST + "expressions.") && !name.startsWith(UNRESOLVED)
        && !name.startsWith(CATALYST + "analysis.MultiAlias")) {
      refuse(expression.nodeName());
    } else if (expression instanceof UnresolvedFunction) {
      requireFunction(((UnresolvedFunction) expression).nameParts(), FORBIDDEN_FUNCTIONS, false);
    }
  }

  private static void requireFunction(Seq name, Set names, boolean allowed) {
    String last = ((String) name.last()).toLowerCase();
    if (name.size() > 1 || names.contains(last) != allowed) {
      refuse("the function " + last);
    }
  }

  /** A name of one part, or with the database in which the views are: never a folder or a catalog. */
  private static void requireView(Seq name) {
    requireDefault((Seq) name.init());
  }

  private static void requireDefault(Seq namespace) {
    String name = namespace.mkString("`.`").toLowerCase();
    if (!name.equals("") && !name.equals("default") && !name.equals("spark_catalog`.`default")) {
      refuse("another database than `default`");
    }
  }

  private static void refuse(String what) {
    throw new UnsupportedOperationException("This server answers queries of its tables only; not allowed: " + what);
  }
}

class ReadOnlyParsers extends AbstractFunction2 {
  public Object apply(Object session, Object parser) {
    return new ReadOnlyParser((ParserInterface) parser);
  }
}

/** Delta's extensions, and around Delta's parser this one. */
public class Extensions extends AbstractFunction1 {
  public Object apply(Object extensions) {
    new io.delta.sql.DeltaSparkSessionExtension().apply((SparkSessionExtensions) extensions);
    ((SparkSessionExtensions) extensions).injectParser(new ReadOnlyParsers());
    return BoxedUnit.UNIT;
  }
}
